"""The authentication of a replica: the secret that a call in its name must send."""

from flask import Request

from changeover.protocol.replica_identity import belongs, digest_of
from changeover.protocol.wire import REPLICA_SECRET
from model_server.exceptions import NotThatReplica


def prove(replica: str, known: str | None, request: Request) -> str:
    """The digest of the secret in the request; raises NotThatReplica unless it belongs to `replica`.

    `known` is the digest of the replica's first report, None if it never reported.
    """
    digest = digest_of(request.headers.get(REPLICA_SECRET, ""))
    if not belongs(replica, digest, known):
        raise NotThatReplica(f"the secret that came along ({REPLICA_SECRET}) is not that of replica {replica!r}")
    return digest

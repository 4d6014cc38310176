"""Whether a call in the name of a replica comes from that replica: by the secret that it sends."""

from flask import Request

from changeover.protocol.replica_identity import belongs, digest_of
from changeover.protocol.wire import REPLICA_SECRET
from model_server.exceptions import NotThatReplica


def prove(replica: str, known: str | None, request: Request) -> str:
    """The digest of the secret that came along; raises NotThatReplica unless it is that of `replica`.

    `known` is the digest that came with the first report in this name, None if there was none.
    """
    digest = digest_of(request.headers.get(REPLICA_SECRET, ""))
    if not belongs(replica, digest, known):
        raise NotThatReplica(f"the secret that came along ({REPLICA_SECRET}) is not that of replica {replica!r}")
    return digest

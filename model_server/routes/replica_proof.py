"""The authentication of a replica: the secret that a call in its name must send."""

from typing import Final

from flask import Request

from changeover.protocol.replica_identity import belongs, digest_of
from changeover.protocol.wire import REPLICA_SECRET
from model_server.exceptions import NotThatReplica

_NO_REPORT: Final = "no digest"  # no secret has it


def prove(replica: str, known: str | None, request: Request) -> str:
    """The digest of the secret in the request; raises NotThatReplica unless it belongs to `replica`.

    `known` is the digest of the replica's first report, None if it never reported.
    """
    digest = digest_of(request.headers.get(REPLICA_SECRET, ""))
    if not belongs(replica, digest, known):
        raise NotThatReplica(f"the secret that came along ({REPLICA_SECRET}) is not that of replica {replica!r}")
    return digest


def prove_derived(replica: str, request: Request) -> str:
    """The digest, for a call about all models: only an id that ends with the digest of its secret may make one.

    Raises NotThatReplica.
    """
    return prove(replica, _NO_REPORT, request)

"""The identity of a replica: a public id, and a secret that authenticates it.

The id ends with a digest of the secret. So model_server verifies a secret by the id alone, even after a restart, and no
other process can send status reports, checks or a departure in the replica's name.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

_DERIVED: Final = re.compile(r".+:([0-9a-f]{32})")
_NOT_OF_AN_ID: Final = re.compile(r"[^A-Za-z0-9.-]")
_LONGEST_HOST: Final = 64


@dataclass(frozen=True)
class ReplicaIdentity:
    """The identity of one process of predict_api, for the lifetime of that process."""

    id: str
    secret: str = field(repr=False)


def new_identity(host: str, pid: int) -> ReplicaIdentity:
    """Make an identity that no other process has."""
    secret = secrets.token_hex(32)
    label = _NOT_OF_AN_ID.sub("-", host)[:_LONGEST_HOST].lstrip("-.") or "host"
    return ReplicaIdentity(f"{label}-{pid}:{digest_of(secret)[:32]}", secret)


def digest_of(secret: str) -> str:
    """The SHA-256 of a secret; empty for no secret."""
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def belongs(replica: str, digest: str, known: str | None) -> bool:
    """Whether the secret with this digest is that of `replica`; `known` is the digest of its first report, if any.

    An id without a digest, as in the previous release, belongs to the secret of its first report, or to none.
    """
    derived = _DERIVED.fullmatch(replica)
    if derived is not None:
        return hmac.compare_digest(digest[:32], derived[1])
    return known is None or hmac.compare_digest(digest, known)

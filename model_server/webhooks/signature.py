"""The signature of a webhook, by the Standard Webhooks specification, version 1.0.0, symmetric scheme `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a key, by the specification


def keys_in(secrets: str) -> tuple[bytes, ...]:
    """The keys of `whsec_<base64>` secrets, separated by spaces; raises ValueError, which shows none of them."""
    return tuple(_key(number, secret) for number, secret in enumerate(secrets.split(), 1))


def _key(number: int, secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(
            f"secret {number} is not whsec_ and the base64 of {_SHORTEST} to {_LONGEST} random bytes: make one by "
            f'echo "whsec_$(head -c 32 /dev/urandom | base64)"'
        )
    return key


def signature(keys: Iterable[bytes], identity: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: a signature by each key, separated by spaces.

    `timestamp` is the Unix time of the attempt in seconds.
    """
    signed = f"{identity}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)

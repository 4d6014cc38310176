"""The hash check: compares bytes with an expected SHA-256.

A version is the SHA-256 of its bytes. The buffer that is hashed is the buffer that is loaded, so nothing can change in
between. `Repr-Digest` is RFC 9530.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from changeover.exceptions import DigestMismatch, InvalidDigestHeader

_SHA_256_ITEM: Final = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?(?=,|$)")


def sha256(buffer: bytes | bytearray | memoryview) -> str:
    """The SHA-256 of `buffer` as a version: 64 lowercase hex digits."""
    return hashlib.sha256(buffer).hexdigest()


def verify(buffer: bytes | bytearray | memoryview, version: str) -> None:
    """Raise DigestMismatch unless `buffer` hashes to `version`."""
    verify_pieces([buffer], version)


def verify_pieces(pieces: Iterable[bytes | bytearray | memoryview], version: str) -> None:
    """Raise DigestMismatch unless the `pieces` together hash to `version`."""
    found, size = hashlib.sha256(), 0
    for piece in pieces:
        found.update(piece)
        size += len(piece)
    if found.hexdigest() != version:
        raise DigestMismatch(
            f"expected SHA-256 {version}, got {found.hexdigest()} over {size} bytes: the bytes were changed or cut off"
        )


def repr_digest(version: str) -> str:
    """The `Repr-Digest` header for the bytes of `version`."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(version)).decode('ascii')}:"


def parse_repr_digest(header: str) -> str | None:
    """The version in a `Repr-Digest` header, or None if the header names only other algorithms.

    Raises InvalidDigestHeader if it names sha-256 in a form that is not RFC 9530's.
    """
    match = _SHA_256_ITEM.search(header)
    if match is None:
        if "sha-256" in header.lower():
            raise InvalidDigestHeader(f"Repr-Digest {header!r} is not of the form sha-256=:<base64>:")
        return None
    try:
        raw = base64.b64decode(match.group(1), validate=True)
    except binascii.Error as error:
        raise InvalidDigestHeader(f"Repr-Digest {header!r} holds no valid base64") from error
    if len(raw) != hashlib.sha256().digest_size:
        raise InvalidDigestHeader(f"Repr-Digest {header!r} holds {len(raw)} bytes, a SHA-256 has 32")
    return raw.hex()

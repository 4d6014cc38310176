"""The envelope of a signature: its JSON form, and the bytes that are signed, by DSSE.

https://github.com/secure-systems-lab/dsse has its specification.
"""

import base64
import binascii
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Struct

from changeover.exceptions import SealBroken

LARGEST: Final = 64 * 1024  # bytes of an envelope
_Id = Annotated[str, Meta(max_length=256)]


class Signature(Struct, frozen=True):
    """One signature; `keyid` is a hint that chooses among the keys, and nothing more."""

    sig: Annotated[str, Meta(max_length=1024)]
    keyid: _Id = ""


class Envelope(Struct, frozen=True, rename={"payload_type": "payloadType"}):
    """A payload in base64 with its signatures."""

    payload: Annotated[str, Meta(max_length=LARGEST)]
    payload_type: _Id
    signatures: Annotated[tuple[Signature, ...], Meta(min_length=1, max_length=8)]

    @property
    def body(self) -> bytes:
        """The bytes of the payload; raises SealBroken."""
        return decode(self.payload)

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures are over; raises SealBroken."""
        return pae(self.payload_type, self.body)

    def encode(self) -> bytes:
        """The JSON form."""
        return msgspec.json.encode(self)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read the JSON form; unknown members are ignored. Raises SealBroken."""
        if len(body) > LARGEST:
            raise SealBroken(f"the envelope has {len(body)} bytes, {LARGEST} are the most")
        try:
            return msgspec.json.decode(body, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SealBroken(f"it is no DSSE envelope: {error}") from error


def pae(payload_type: str, body: bytes) -> bytes:
    """The pre-authentication encoding of DSSE: what is signed."""
    kind = payload_type.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(body)).encode(), body])


def decode(text: str) -> bytes:
    """The bytes of a base64 text, in the standard or the URL-safe alphabet, as DSSE has it; raises SealBroken."""
    try:
        return base64.b64decode(text.translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealBroken(f"it has no valid base64: {error}") from error


_STANDARD: Final = str.maketrans("-_", "+/")

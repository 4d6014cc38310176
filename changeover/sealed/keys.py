"""The keys of the registry: ed25519 (RFC 8032), their files, ids and signatures."""

import base64
import binascii
import os
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from changeover import digest
from changeover.exceptions import InvalidKeyFile, SealBroken
from changeover.process.clock import parse_rfc3339
from changeover.sealed.envelope import Envelope, Signature, decode, pae

ALGORITHM: Final = "ed25519"
_BYTES: Final = 32


@dataclass(frozen=True)
class PublicKey:
    """A public key, and the times between which it may sign; None: no limit."""

    raw: bytes
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @cached_property
    def id(self) -> str:
        """The SHA-256 of its DER form, in hex digits."""
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return digest.sha256(Ed25519PublicKey.from_public_bytes(self.raw).public_bytes(*form))

    @property
    def text(self) -> str:
        """`ed25519:` and its 32 bytes in base64."""
        return f"{ALGORITHM}:{base64.b64encode(self.raw).decode('ascii')}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `text`; raises InvalidKeyFile."""
        algorithm, _, encoded = text.partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if algorithm != ALGORITHM or len(raw) != _BYTES:
            raise InvalidKeyFile(f"{text[:100]!r} is no public key like {ALGORITHM}:<32 bytes in base64>")
        return cls(raw)

    def allows(self, time: str) -> bool:
        """Whether it may sign at `time` (RFC 3339)."""
        try:
            moment = parse_rfc3339(time)
        except ValueError:
            return False
        begun = self.valid_from is None or self.valid_from <= moment
        return begun and (self.valid_until is None or moment <= self.valid_until)

    def has_signed(self, envelope: Envelope) -> bool:
        """Whether one of the signatures is by this key; raises SealBroken for an envelope that cannot be read."""
        signed, key = envelope.signed, Ed25519PublicKey.from_public_bytes(self.raw)
        for signature in envelope.signatures:
            try:
                key.verify(decode(signature.sig), signed)
            except (InvalidSignature, SealBroken):
                continue
            return True
        return False


class SigningKey:
    """The private key. Its `repr` shows the public key only."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = PublicKey(key.public_key().public_bytes(*form))
        self.id = self.public.id

    def __repr__(self) -> str:
        return f"SigningKey({self.public.text})"

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of 32 secret bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The key in the PEM file at `path`; raises InvalidKeyFile, which repeats nothing of the file."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise InvalidKeyFile(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidKeyFile(
                f"{path} is no private key in PEM without a passphrase: `changeover registry-key new` makes one"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidKeyFile(f"{path} has a private key of another kind: the registry signs by {ALGORITHM}")
        return cls(key)

    @classmethod
    def make(cls, path: Path) -> Self:
        """A new key, written to `path` with mode 0600. Raises InvalidKeyFile, also if there is a file already."""
        key = Ed25519PrivateKey.generate()
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        part = path.with_name(f".{path.name}-{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key.private_bytes(*form))
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # fails where a key is: a key is never replaced
        except OSError as error:
            raise InvalidKeyFile(f"{path} cannot be made: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return cls(key)

    @classmethod
    def kept(cls, path: Path) -> tuple[Self, bool]:
        """The key in the file at `path`, which is made if it is missing, and whether it was. Raises InvalidKeyFile."""
        return (cls.read(path), False) if path.exists() else (cls.make(path), True)

    def sign(self, payload_type: str, body: bytes) -> Envelope:
        """The envelope of `body`."""
        signature = base64.b64encode(self._key.sign(pae(payload_type, body))).decode("ascii")
        payload = base64.b64encode(body).decode("ascii")
        return Envelope(payload, payload_type, (Signature(signature, self.id),))

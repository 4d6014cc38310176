"""The files of certificates that settings name: read whole, checked before use, and read again after a change.

Certificate and key are two files, so one may be new while the other is still old. A set that does not fit together is
refused, and the last one that did stays in use until the files do again.
"""

import hashlib
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from changeover.exceptions import InvalidSetting
from changeover.process.marked_file import Mark, mark_at, read_marked

_LARGEST: Final = 4 * 1024 * 1024  # bytes: a bundle of all public authorities has about 250 KB
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"


class TLSSettings(Protocol):
    """The settings of TLS of a service: `changeover/process/service_settings.py` declares them."""

    tls_cert: Path | None
    tls_key: Path | None
    tls_client_ca: Path | None
    tls_ca: Path | None


@dataclass(frozen=True)
class Content:
    """What the files have: a certificate with its chain, its key, and the authorities of the other side, as PEM."""

    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    authorities: bytes = b""

    @property
    def digest(self) -> bytes:
        """A digest of all of it."""
        parts = (self.certificate, self.key, self.authorities)
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()

    @contextmanager
    def as_files(self) -> Iterator[Path]:
        """A folder of this user with the files `certificate`, `key` and `authorities`; it is removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="changeover-tls-") as name:
            folder = Path(name)
            for part in ("certificate", "key", "authorities"):
                (folder / part).touch(mode=0o600)
                (folder / part).write_bytes(getattr(self, part))
            yield folder


class Files:
    """The files of one set. `certificate` and `key` come together; the names are those of their settings."""

    def __init__(
        self,
        certificate: Path | None,
        key: Path | None,
        authorities: Path | None,
        names: tuple[str, str, str] = ("TLS_CERT", "TLS_KEY", "TLS_CA"),
    ) -> None:
        self._names = names
        self._paths = (certificate, key, authorities)

    @property
    def asks_callers(self) -> bool:
        """Whether the other side must present a certificate of the authorities."""
        return self._paths[2] is not None

    def marks(self) -> tuple[Mark | None, ...]:
        """The state of the files: it changes when one of them does."""
        return tuple(mark_at(path) if path else None for path in self._paths)

    def read(self) -> Content:
        """The content, which fits together. Raises InvalidSetting, whose message names the file and the next step."""
        certificate, key, authorities = (
            _read(setting, path) for setting, path in zip(self._names, self._paths, strict=True)
        )
        content = Content(certificate, key, authorities)
        self._check(content)
        return content

    def _check(self, content: Content) -> None:
        pems = (content.certificate, content.key, content.authorities)
        named = dict(zip(self._names, zip(self._paths, pems, strict=True), strict=True))
        for setting in (self._names[0], self._names[2]):
            path, pem = named[setting]
            if path is not None and _BEGIN not in pem:
                raise InvalidSetting(
                    f"{setting}: {path} has no certificate in PEM; convert one in DER by "
                    f"`openssl x509 -inform der -in {path} -out certificate.pem`"
                )
        if b"ENCRYPTED" in content.key:
            raise InvalidSetting(
                f"{self._names[1]}: {self._paths[1]} is encrypted, and a service asks for no password; decrypt it by "
                f"`openssl pkey -in {self._paths[1]} -out key.pem`, readable by the service alone"
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if content.certificate:
            with content.as_files() as folder:
                self._check_pair(context, folder)
        if content.authorities:
            try:
                context.load_verify_locations(cadata=content.authorities.decode("ascii", "replace"))
            except ssl.SSLError as error:
                raise InvalidSetting(
                    f"{self._names[2]}: {self._paths[2]} has a certificate that cannot be read ({error.reason}); copy it "
                    "again from where it was issued"
                ) from None

    def _check_pair(self, context: ssl.SSLContext, folder: Path) -> None:
        certificate, key = self._paths[:2]
        try:
            context.load_cert_chain(folder / "certificate", folder / "key")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise InvalidSetting(
                    f"{self._names[1]}: the key in {key} is not that of the first certificate in {certificate}; name the "
                    "two that were issued together, the service's own certificate before those of authorities"
                ) from None
            raise InvalidSetting(
                f"{self._names[0]} and {self._names[1]}: {certificate} and {key} are no certificate and key in PEM "
                f"({error.reason}); look at them by `openssl x509 -in {certificate} -noout -text` and "
                f"`openssl pkey -in {key} -noout`"
            ) from None


def _read(setting: str, path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return read_marked(path, _LARGEST)[1]
    except OSError as error:
        raise InvalidSetting(
            f"{setting} names {path}, which cannot be read: {error.strerror}; name a file in PEM that this user may read"
        ) from None
    except ValueError as error:
        raise InvalidSetting(f"{setting} names {path}, which has {error}; name a file of certificates in PEM") from None


def of_listener(settings: TLSSettings) -> Files | None:
    """The files of the listener of a service: TLS_CERT, TLS_KEY and TLS_CLIENT_CA; None without TLS."""
    if settings.tls_cert is None:
        return None
    return Files(settings.tls_cert, settings.tls_key, settings.tls_client_ca, ("TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA"))


def of_calls(settings: TLSSettings) -> Files:
    """The files of the calls of a service: TLS_CA, and its own certificate for services that ask for one."""
    return Files(settings.tls_cert, settings.tls_key, settings.tls_ca)


def check(settings: TLSSettings) -> None:
    """Check the files of a service at its start; raises InvalidSetting, whose message names the file."""
    listener = of_listener(settings)
    if listener is not None:
        listener.read()
    of_calls(settings).read()

"""The pinned version (`MODEL_SHA256`): published from `MODEL_URI` if the bucket does not have it yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import requests

from changeover.exceptions import UnknownVersion
from changeover.manifest.manifest import Draft
from changeover.process.clock import now
from changeover.process.timed_pool import TimedAdapter, within
from model_server.exceptions import (
    PinUnavailable,
    UpdateOvertaken,
    UpdateRefused,
    UploadIncomplete,
    UploadTooLarge,
    VersionRejected,
    VersionRemoved,
)
from model_server.versions.publish import Publisher
from model_server.versions.spool import Spool
from model_server.versions.versions import Versions
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

_UNUSABLE: Final = (UploadIncomplete, UploadTooLarge, UpdateRefused, UpdateOvertaken, VersionRejected, ObjectMissing)
_CHUNK: Final = 1 << 20
_CONNECT_SECONDS: Final = 5.0
_DOWNLOAD_SECONDS: Final = 600.0


class Pin:
    """The version of the default model that `MODEL_SHA256` pins, and its source, `MODEL_URI`."""

    def __init__(
        self, model: str, version: str, uri: str | None, bucket: Bucket, spool: Spool, publisher: Publisher
    ) -> None:
        self.model = model
        self.version = version
        self._uri = uri
        self._bucket = bucket
        self._spool = spool
        self._publisher = publisher

    def ensure(self, versions: Versions) -> None:
        """Publish the pinned version unless the bucket has it; raises PinUnavailable or StoreError."""
        try:
            versions.with_bytes(self.model, self.version)
            return
        except (UnknownVersion, VersionRemoved):
            pass
        if self._uri is None:
            raise PinUnavailable(
                f"MODEL_SHA256 pins {self.version}, whose bytes model {self.model!r} does not have: publish it, "
                f"or set MODEL_URI to where its bytes are"
            )
        try:
            with self._spool.open() as file, self._open(self._uri) as chunks:
                spooled = file.write_all(chunks)
                name = Path(urlsplit(self._uri).path).name or "model.joblib"
                if spooled.version != self.version:
                    raise PinUnavailable(
                        f"MODEL_URI {self._shown()} holds {spooled.size} bytes whose SHA-256 is {spooled.version}, but "
                        f"MODEL_SHA256 expected {self.version}: correct one of the two"
                    )
                self._publisher.publish(self.model, spooled, Draft(), {"source": "uri", "name": name})
        except _UNUSABLE as error:
            raise PinUnavailable(f"MODEL_URI {self._shown()} cannot be used: {error}") from error
        except OSError as error:
            raise PinUnavailable(f"MODEL_URI {self._shown()} cannot be read: {error}") from error

    def _shown(self) -> str:
        """The URI without its credentials and query, which may be secret."""
        parts = urlsplit(self._uri or "")
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"

    @contextmanager
    def _open(self, uri: str) -> Iterator[Iterator[bytes]]:
        parts = urlsplit(uri)
        if parts.scheme == "s3":
            if parts.netloc != self._bucket.name:
                raise PinUnavailable(
                    f"MODEL_URI {self._shown()} is in another bucket: model_server reads {self._bucket.name!r} only"
                )
            key = unquote(parts.path.lstrip("/"))
            with self._bucket.stream(key, expected=self._bucket.stat(key)) as chunks:
                yield chunks
        elif parts.scheme == "file":
            with Path(unquote(parts.path)).open("rb") as file:
                yield iter(lambda: file.read(_CHUNK), b"")
        else:
            with download(uri) as chunks:
                yield chunks


@contextmanager
def download(uri: str, seconds: float = _DOWNLOAD_SECONDS) -> Iterator[Iterator[bytes]]:
    """The body at an http(s) address, in chunks.

    Raises OSError if it is not complete within `seconds`, or cannot be read. The message does not show the address,
    which may hold credentials.
    """
    deadline = now() + seconds
    with requests.Session() as session:
        session.mount("http://", TimedAdapter())
        session.mount("https://", TimedAdapter())
        try:
            with within(deadline), session.get(uri, stream=True, timeout=_CONNECT_SECONDS) as response:
                if not response.ok:
                    raise OSError(f"its server answered HTTP {response.status_code}")
                yield response.iter_content(_CHUNK)
        except requests.RequestException as error:
            if now() >= deadline:
                raise OSError(f"not complete after {seconds:g} s") from None
            reason = getattr(error.args[0], "reason", None) if error.args else None
            raise OSError(f"{type(error).__name__}{f': {reason}' if reason else ''}") from None

"""The bucket: the only user of the S3 client. Streams, create-if-absent, lists and copies, each with a deadline.

`create` is a conditional PUT (create-if-absent); it serialises rollouts. A call is retried a few times after transient
errors; after the last retry, or at its deadline, it raises one of `object_store.exceptions`. `Bucket` is thread-safe.
Bytes are returned as stored, never decoded.
"""

import base64
import hashlib
import io
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import Object
from minio.error import S3Error
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from changeover.process import clock
from changeover.process.timed_pool import TimedPool, give_back, within
from object_store.causes import Where, missing_bucket, unavailable
from object_store.credentials import RotatingCredentials
from object_store.exceptions import ObjectChanged, ObjectMissing, ObjectTooLarge, StoreUnavailable
from object_store.faults import CLIENT_ERRORS, fault_of, named, refusal
from object_store.objects import Created, ObjectInfo
from object_store.settings import StoreSettings

__all__ = ["Bucket", "Created", "ObjectInfo"]

CONNECTIONS: Final = 32
CONNECT_TIMEOUT: Final = 3.0
TRIES: Final = 4
CHUNK: Final = 1 << 20
SLOWEST: Final = 1 << 20  # bytes a second: a body adds its time at this rate to STORE_TIMEOUT
LARGEST_UPLOAD: Final = 5 << 30  # the largest PUT of S3: 5 GiB
_PAGE: Final = 1000
_PRESIGNED_FOR: Final = timedelta(minutes=15)

T = TypeVar("T")


class Bucket:
    """The bucket in the settings. For failures of the store every method raises subclasses of StoreError only."""

    def __init__(self, settings: StoreSettings) -> None:
        address = urlsplit(settings.aws_endpoint_url_s3)
        self.name = settings.bucket
        self.endpoint = settings.aws_endpoint_url_s3
        self._may_create = settings.create_bucket
        self._region = settings.aws_region
        self._timeout = settings.store_timeout
        self._closed = threading.Event()
        self._pool = TimedPool(CONNECTIONS, min(CONNECT_TIMEOUT, settings.store_timeout), settings.context())
        self._client = Minio(
            address.netloc,
            secure=address.scheme == "https",
            region=settings.aws_region,
            http_client=self._pool,
            credentials=RotatingCredentials(settings),
        )

    def close(self) -> None:
        """Close idle connections and wake threads that wait for a retry; for the end of the process."""
        self._closed.set()
        self._pool.clear()

    def ensure(self) -> None:
        """Return if the bucket exists; create it with CREATE_BUCKET, else raise BucketMissing."""
        where = self._where("finding")
        if self._call(where, lambda: self._client.bucket_exists(self.name)):
            return
        if not self._may_create:
            raise missing_bucket(where)
        self._call(self._where("creating"), self._make)

    def stat(self, key: str) -> ObjectInfo:
        """Size, ETag and times of an object; raises ObjectMissing."""

        def attempt() -> ObjectInfo:
            try:
                return _info(self._client.stat_object(self.name, key), key)
            except S3Error as error:
                # a HEAD has no body to tell a missing bucket from a missing key; a missing bucket is an alarm
                if error.code == "NoSuchKey" and not self._client.bucket_exists(self.name):
                    raise error.copy("NoSuchBucket", "") from None
                raise

        return self._call(self._where("reading", key), attempt)

    def read(self, key: str, limit: int, expected: ObjectInfo | None = None, offset: int = 0) -> bytes:
        """A small object, or `limit` bytes of `expected` from `offset` on; raises ObjectTooLarge or ObjectChanged."""
        where = self._where("reading", key)

        def attempt() -> bytes:
            response = self._open(key, expected, offset, limit if expected else 0)
            body = bytearray()
            try:
                for chunk in self._chunks(response, where):  # to the end: only there a truncated body is noticed
                    body += chunk
                    if len(body) > limit:
                        raise ObjectTooLarge(f"{where}: larger than the {limit} bytes that it may have")
            finally:
                give_back(response)
            return bytes(body)

        return self._call(where, attempt, self._timeout + limit / SLOWEST if expected else None)

    @contextmanager
    def stream(
        self, key: str, expected: ObjectInfo | None = None, deadline_s: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yield an iterator over the stored bytes, in chunks of 1 MiB at most, undecoded.

        With `expected` (from `stat` or `list`), an object that has changed since raises ObjectChanged: its version is
        compared if the bucket keeps versions, else its ETag. `deadline_s` covers the whole call, up to the last byte;
        default: STORE_TIMEOUT and a second for each expected MiB. A body that is truncated, or not complete by the
        deadline, raises StoreUnavailable from the iterator, after the received chunks.
        """
        where = self._where("reading", key)
        seconds = deadline_s or self._timeout + (expected.size / SLOWEST if expected else 0)
        response = self._call(where, lambda: self._open(key, expected), seconds)
        try:
            yield self._chunks(response, where)
        finally:
            give_back(response)

    def create(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> Created:
        """Put `body` if the key has no object, atomically among all writers; durable once YES is returned.

        NO: another writer's object exists. MAYBE_OURS: an earlier try of this call got no response, and now an object
        exists; `read` it and compare. So bodies need a nonce if it matters which writer won. After StoreUnavailable
        the complete object may exist, or appear later: read it before any other decision.
        """
        checksum = hashlib.md5(body, usedforsecurity=False).digest()
        return self._create(key, lambda: io.BytesIO(body), len(body), checksum, content_type)

    def create_from_file(
        self, key: str, path: Path, size: int, content_type: str = "application/octet-stream"
    ) -> Created:
        """The same for a file of `size` bytes (5 GiB at most), never whole in memory.

        An existing object costs no upload. Raises ObjectTooLarge, and ObjectChanged if the file does not have `size`
        bytes.
        """
        where = self._where("creating", key)
        if size > LARGEST_UPLOAD:
            raise ObjectTooLarge(f"{where}: {size} bytes, one upload may have {LARGEST_UPLOAD}")
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
            if file.tell() != size:
                raise ObjectChanged(f"{where}: {path} holds {file.tell()} bytes, not {size}; it was changed")
        try:
            self.stat(key)
        except ObjectMissing:
            return self._create(key, lambda: path.open("rb"), size, checksum, content_type)
        return Created.NO

    def write(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Put `body` and overwrite any object. Only for hints and cursors."""

        def attempt() -> None:
            self._client.put_object(self.name, key, io.BytesIO(body), len(body), content_type)

        self._call(self._where("writing", key), attempt)

    def list(self, prefix: str, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """All objects below `prefix` in the order of their keys, from after the key `start_after`.

        Pages are requested as the iterator is consumed, each with its own deadline.
        """
        while True:
            page = self._page(prefix, start_after)
            yield from page
            if len(page) < _PAGE:
                return
            start_after = page[-1].key

    def folders(self, prefix: str) -> Sequence[str]:
        """The folders right below `prefix` (which ends in a slash), each with its closing slash, in order."""

        def attempt() -> Sequence[str]:
            entries = self._client.list_objects(self.name, prefix)
            return [entry.object_name for entry in entries if entry.is_dir and entry.object_name]

        return self._call(self._where("listing", prefix), attempt)

    def delete(self, key: str) -> None:
        """Delete an object; a missing object is no error."""
        self._call(self._where("deleting", key), lambda: self._client.remove_object(self.name, key))

    def copy(self, source_key: str, target_key: str, expected: ObjectInfo | None = None) -> None:
        """Copy within the store; overwrites. With `expected`, a changed source raises ObjectChanged."""
        where = self._where("copying", source_key)
        source = CopySource(self.name, source_key, match_etag=expected.etag if expected else None)
        seconds = self._timeout + (expected or self.stat(source_key)).size / SLOWEST
        self._call(where, lambda: self._client.copy_object(self.name, target_key, source), seconds)

    def _where(self, act: str, key: str = "") -> Where:
        return Where(act, self.endpoint, self.name, key)

    def _call(self, where: Where, attempt: Callable[[], T], seconds: float | None = None) -> T:
        """Call until success, a permanent error, TRIES failures, or the deadline."""
        deadline = clock.now() + (seconds or self._timeout)
        for attempts in count(1):
            try:
                with within(deadline):
                    return attempt()
            except CLIENT_ERRORS as error:
                fault = fault_of(where, error)
            pause = 0.1 * 2**attempts * random.uniform(0.5, 1.0)
            passes = isinstance(fault, StoreUnavailable)
            if not passes or attempts == TRIES or clock.now() + pause >= deadline or self._closed.wait(pause):
                raise fault
        raise AssertionError("count() ends never")

    def _make(self) -> None:
        try:
            self._client.make_bucket(self.name, self._region)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":
                raise

    def _open(self, key: str, expected: ObjectInfo | None, offset: int = 0, size: int = 0) -> BaseHTTPResponse:
        version = expected.version_id if expected else None
        only: dict[str, str | list[str] | tuple[str]] | None = (
            {"If-Match": f'"{expected.etag}"'} if expected and not version else None
        )
        response = self._client.get_object(self.name, key, offset, size, only, version_id=version)
        if expected and (etag := response.headers.get("ETag", "").strip('"')) != expected.etag:
            give_back(response)
            raise ObjectChanged(f"{self.name}/{key}: it was {expected.etag} and is {etag}; look at it again")
        return response

    def _chunks(self, response: BaseHTTPResponse, where: Where) -> Iterator[bytes]:
        received = 0
        try:
            for chunk in response.stream(CHUNK, decode_content=False):
                received += len(chunk)
                yield chunk
        except (HTTPError, OSError) as error:
            raise unavailable(where, f"the body ended after {received} bytes ({named(error)})") from None

    def _create(
        self, key: str, opened: Callable[[], BinaryIO], size: int, checksum: bytes, content_type: str
    ) -> Created:
        lost = False

        def attempt() -> Created:
            nonlocal lost
            url = self._client.get_presigned_url("PUT", self.name, key, expires=_PRESIGNED_FOR)
            headers = {
                "If-None-Match": "*",
                "Content-Type": content_type,
                "Content-Length": str(size),
                "Content-MD5": base64.b64encode(checksum).decode("ascii"),
            }
            with opened() as body:
                try:
                    response = self._pool.urlopen("PUT", url, body=body, headers=headers)
                except HTTPError as error:
                    lost = lost or not isinstance(error, ConnectTimeoutError | NewConnectionError)
                    raise
            if response.status == 200:
                return Created.YES
            if response.status == 412:
                return Created.MAYBE_OURS if lost else Created.NO
            lost = lost or response.status >= 500
            raise refusal(response)

        return self._call(self._where("creating", key), attempt, self._timeout + size / SLOWEST)

    def _page(self, prefix: str, start_after: str | None) -> Sequence[ObjectInfo]:
        def attempt() -> Sequence[ObjectInfo]:
            entries = self._client.list_objects(self.name, prefix, recursive=True, start_after=start_after)
            return [_info(entry, entry.object_name or "") for entry in islice(entries, _PAGE)]

        return self._call(self._where("listing", prefix), attempt)


def _info(described: Object, key: str) -> ObjectInfo:
    metadata = described.metadata or {}
    return ObjectInfo(
        key=key,
        size=described.size or 0,
        etag=described.etag or "",
        last_modified=described.last_modified or datetime.fromtimestamp(0, UTC),
        version_id=described.version_id,
        content_encoding=metadata.get("content-encoding") or None,
    )

"""The places of inputs and outputs: a file or folder of this machine, or `s3://BUCKET/PREFIX`.

An output is created only where nothing is: locally by link(2), in a bucket by If-None-Match. So no part is ever written
twice, and a part that is there is complete.
"""

import io
import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from urllib.parse import urlsplit

from bulk_score.address import StoreAddress
from bulk_score.exceptions import InputChanged, NothingThere, WrongPlace
from bulk_score.plan import FOLDER, SUFFIXES, InputFile
from object_store.bucket import Bucket, Created, ObjectInfo
from object_store.exceptions import ObjectChanged, ObjectMissing

S3: Final = "s3://"
_LARGEST: Final = 1 << 30
_TEMPORARY: Final = "tmp-"


class Input(Protocol):
    """Where the rows are."""

    def files(self) -> list[InputFile]:
        """All files, by names relative to the place."""

    def open(self, file: InputFile) -> BinaryIO:
        """Open a file at its begin; raises InputChanged if it is another one by now."""


class Destination(Protocol):
    """Where the answers go."""

    def names(self) -> list[str]:
        """The names of all complete files."""

    def read(self, name: str) -> bytes:
        """The content of a small file."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file if there is none of this name; whether it was this call that did."""

    def tidy(self) -> None:
        """Remove what ended processes left behind."""


def input_at(address: str, store: StoreAddress | None) -> Input:
    """The input at a path or an address; raises NothingThere, WrongPlace, or InvalidSetting."""
    if address.startswith(S3):
        return S3Input(*_in_bucket(address, store))
    path = Path(address)
    if not path.exists():
        raise NothingThere(f"{address} does not exist: name a .parquet or .csv file, a folder, or s3://BUCKET/PREFIX")
    return LocalInput(path)


def output_at(address: str, store: StoreAddress | None) -> Destination:
    """The output folder at a path or an address; raises WrongPlace, or InvalidSetting."""
    if address.lower().endswith(tuple(SUFFIXES)):
        raise WrongPlace(f"{address} looks like one file, and a run writes a folder of parts: name a folder")
    if address.startswith(S3):
        return S3Output(*_in_bucket(address, store))
    path = Path(address)
    if path.exists() and not path.is_dir():
        raise WrongPlace(f"{address} is a file, and a run writes a folder of parts: name a folder")
    return LocalOutput(path)


class LocalInput:
    """A file or a folder; a mark is the time of the last change in nanoseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = path if path.is_dir() else path.parent

    def files(self) -> list[InputFile]:
        """All files, by names relative to the place."""
        paths = [self._path] if self._path.is_file() else [path for path in self._path.rglob("*") if path.is_file()]
        return [_described(path, path.relative_to(self._root).as_posix()) for path in paths]

    def open(self, file: InputFile) -> BinaryIO:
        """Open a file at its begin; raises InputChanged if it is another one by now."""
        path = self._root / file.name
        opened = path.open("rb")
        found = _described(path, file.name)
        if (found.size, found.mark) != (file.size, file.mark):
            opened.close()
            raise InputChanged(f"{path} was changed after this run began: start again with another output folder")
        return opened


class LocalOutput:
    """A folder. Its part files are linked from temporary ones when they are complete."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """The names of all complete files."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        names = [path.relative_to(self._root).as_posix() for path in files]
        return [name for name in names if not name.startswith(f"{FOLDER}/{_TEMPORARY}")]

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        return (self._root / name).read_bytes()

    def create(self, name: str, content: bytes) -> bool:
        """Write a file if there is none of this name; whether it was this call that did."""
        path = self._root / name
        part = self._root / FOLDER / f"{_TEMPORARY}{uuid.uuid4().hex}"
        part.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(part)
        except FileExistsError:
            return False
        finally:
            part.unlink(missing_ok=True)
        return True

    def tidy(self) -> None:
        """Remove what ended processes left behind."""
        for path in (self._root / FOLDER).glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)


class S3Input:
    """An object, or all below a prefix; a mark is an ETag."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._one = prefix.lower().endswith(tuple(SUFFIXES))
        self._root = prefix.rpartition("/")[0] if self._one else prefix.rstrip("/")

    def files(self) -> list[InputFile]:
        """All files, by names relative to the place."""
        if self._one:
            try:
                found = [self._bucket.stat(self._prefix)]
            except ObjectMissing as error:
                raise NothingThere(f"{error}: name an object, or a prefix of some") from error
        else:
            found = list(self._bucket.list(f"{self._root}/" if self._root else ""))
        return [InputFile(_below(self._root, item.key), item.size, item.etag) for item in found]

    def open(self, file: InputFile) -> BinaryIO:
        """Open a file at its begin; reading raises InputChanged if it is another one by now."""
        key = f"{self._root}/{file.name}" if self._root else file.name
        return io.BufferedReader(_ObjectFile(self._bucket, key, file), 1 << 20)


class S3Output:
    """A prefix of a bucket."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket, self._root = bucket, prefix.rstrip("/")

    def names(self) -> list[str]:
        """The names of all complete files."""
        prefix = f"{self._root}/" if self._root else ""
        return [_below(self._root, item.key) for item in self._bucket.list(prefix)]

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        return self._bucket.read(self._key(name), _LARGEST)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file if there is none of this name; whether it was this call that did."""
        return self._bucket.create(self._key(name), content) is not Created.NO

    def tidy(self) -> None:
        """Nothing is left behind: an object is there as a whole, or not at all."""

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}" if self._root else name


class _ObjectFile(io.RawIOBase):
    """An object as a file; each read is one ranged GET of the object as it was when the run began."""

    def __init__(self, bucket: Bucket, key: str, file: InputFile) -> None:
        super().__init__()
        self._bucket, self._key, self._file, self._position = bucket, key, file, 0
        self._object = ObjectInfo(key, file.size, file.mark, datetime.fromtimestamp(0, UTC))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position of the next read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the object; raises InputChanged or StoreError."""
        view = memoryview(buffer).cast("B")
        size = max(0, min(len(view), self._file.size - self._position))
        if size:
            try:
                view[:size] = self._bucket.read(self._key, size, self._object, self._position)
            except ObjectChanged as error:
                raise InputChanged(f"{error}; start again with another output folder") from error
            self._position += size
        return size


def _described(path: Path, name: str) -> InputFile:
    status = path.stat()
    return InputFile(name, status.st_size, str(status.st_mtime_ns))


def _below(root: str, key: str) -> str:
    return key.removeprefix(f"{root}/") if root else key


def _in_bucket(address: str, store: StoreAddress | None) -> tuple[Bucket, str]:
    """The bucket and the prefix of an address."""
    parts = urlsplit(address)
    if not parts.netloc:
        raise WrongPlace(f"{address} names no bucket: write s3://BUCKET/PREFIX")
    if store is None:
        raise WrongPlace(
            f"{address} needs the address and the keys of its store: set AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    return Bucket(replace(store, bucket=parts.netloc).settings()), parts.path.lstrip("/")

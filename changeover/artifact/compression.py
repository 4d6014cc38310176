"""The decompression of artifacts, with a cap on the unpacked size.

The cap defends against decompression bombs. Nothing here unpickles.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from changeover.artifact.file_kind import looks_like
from changeover.exceptions import UnreadableArtifact

_CHUNK: Final = 256 * 1024
_LZMA_MEMORY: Final = 256 * 1024 * 1024  # a decoder's window; lzma's strongest preset needs 65 MiB

_ZIPPED: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x5d\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
)


class _Decompressor(Protocol):
    """The decompressor interface that bz2, lzma and lz4 share, and zlib through `_Zlib`."""

    @property
    def eof(self) -> bool:
        """Whether the end marker has been read."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` more bytes; the unused rest of `data` is kept inside."""
        ...


class _Zlib:
    """The decompressor of zlib and gzip with the interface of the other three: it keeps unused input."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._kept = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        unpacked = self._inner.decompress(self._kept + data, max_length)
        self._kept = self._inner.unconsumed_tail
        return unpacked


def _lz4() -> _Decompressor:
    try:
        import lz4.frame  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise UnreadableArtifact(
            "the artifact is compressed with lz4, which is not installed here; "
            "dump it with another compression (joblib.dump(model, path, compress=3)) or have lz4 installed"
        ) from error
    decompressor: _Decompressor = lz4.frame.LZ4FrameDecompressor()
    return decompressor


_DECOMPRESSORS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "zlib": _Zlib,
    "gzip": _Zlib,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY),
    "lzma": lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY),
    "lz4": _lz4,
}


def compression(buffer: bytes) -> str | None:
    """`zlib`, `gzip`, `bz2`, `xz`, `lzma` or `lz4`, by the first bytes; None for bytes that are not compressed."""
    for prefix, name in _ZIPPED:
        if buffer.startswith(prefix):
            return name
    # RFC 1950: the first two bytes are a multiple of 31, which text that begins with "x" hardly ever is
    if len(buffer) > 1 and buffer[0] == 0x78 and int.from_bytes(buffer[:2], "big") % 31 == 0:
        return "zlib"
    return None


class _Unpacked(io.RawIOBase):
    """The unpacked bytes as a stream that ends with UnreadableArtifact past `max_bytes`; it never seeks."""

    def __init__(self, buffer: bytes, kind: str, max_bytes: int) -> None:
        self._packed = memoryview(buffer)
        self._kind = kind
        self._decompressor = _DECOMPRESSORS[kind]()
        self._at = 0
        self._unpacked = 0
        self._max_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        unpacked = b""
        while not unpacked and not self._decompressor.eof:
            data = bytes(self._packed[self._at : self._at + _CHUNK])
            self._at += len(data)
            try:
                unpacked = self._decompressor.decompress(data, len(target))
            except (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError) as error:
                raise UnreadableArtifact(f"the artifact's {self._kind} compression is damaged: {error}") from error
            if not unpacked and not data:
                raise UnreadableArtifact(
                    f"the artifact is cut off: its {self._kind} compression ends before its end marker"
                )
        self._unpacked += len(unpacked)
        if self._unpacked > self._max_bytes:
            raise UnreadableArtifact(
                f"the artifact unpacks to more than {self._max_bytes} bytes from {len(self._packed)}: "
                f"over the cap on decompressed sizes"
            )
        target[: len(unpacked)] = unpacked
        return len(unpacked)


class _Capped(io.BufferedReader):
    """A buffered reader that refuses a read longer than the cap, before it allocates memory for it."""

    def __init__(self, raw: _Unpacked, max_bytes: int) -> None:
        super().__init__(raw, _CHUNK)
        self._max_bytes = max_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._max_bytes:
            raise EOFError(f"{size} bytes were announced")
        return super().read(size)


def opened(buffer: bytes, max_bytes: int) -> io.BytesIO | io.BufferedReader:
    """The uncompressed bytes of an artifact as a stream that never gives more than `max_bytes`.

    Raises UnreadableArtifact immediately for bytes that cannot be a model, and while reading for a decompression bomb
    or for damaged or truncated compression.
    """
    if not buffer:
        raise UnreadableArtifact("the artifact is empty: 0 bytes were uploaded; upload it again")
    kind = compression(buffer)
    if kind is not None:
        return _Capped(_Unpacked(buffer, kind, max_bytes), max_bytes)
    if len(buffer) > max_bytes:
        raise UnreadableArtifact(f"the artifact has {len(buffer)} bytes, over the cap of {max_bytes}")
    look = looks_like(buffer)
    if look is not None and not look.startswith("text"):
        raise UnreadableArtifact(f"the bytes are no joblib or pickle file; they look like {look}")
    return io.BytesIO(buffer)

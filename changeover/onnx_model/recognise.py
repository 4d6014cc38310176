"""The recognition of an ONNX file by its first bytes, whatever its name is."""

from typing import Final

HEAD: Final = 8  # bytes that are needed
_FIRST_FIELD: Final = 0x08  # the version of the file format; no pickle and no compressed file begins so
_FILE_FORMATS: Final = range(1, 64)
_NEXT_FIELDS: Final = frozenset((0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72))


def is_onnx(head: bytes) -> bool:
    """Whether a file that begins with `head` is an ONNX model."""
    return len(head) > 2 and head[0] == _FIRST_FIELD and head[1] in _FILE_FORMATS and head[2] in _NEXT_FIELDS

"""Raw tensors of the extension `binary_tensor_data`: little endian, row by row, without padding.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.exceptions import RequestFaults
from predict_api.exceptions import InvalidCall

DTYPES: Final = {
    "BOOL": "?",
    **{f"{kind}{bits}": f"<{letter}{bits // 8}" for kind, letter in (("INT", "i"), ("UINT", "u")) for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}  # fmt: skip
DATATYPES: Final = (*DTYPES, "BYTES")
_LENGTH: Final = struct.Struct("<I")
_ZEROS: Final = bytes(3)
_FEW: Final = 20  # strings, which are read one by one


def array_of(name: str, datatype: str, leaves: int, raw: memoryview) -> npt.NDArray[Any]:
    """The numbers or booleans of a raw tensor, array[leaves], a view of `raw`; raises InvalidCall."""
    dtype = np.dtype(DTYPES[datatype])
    if len(raw) != leaves * dtype.itemsize:
        raise InvalidCall(
            f"tensor {name!r} has {leaves} {datatype} by its shape, which are {leaves * dtype.itemsize} bytes; "
            f"its binary_data_size is {len(raw)}"
        )
    if datatype == "BOOL":
        flags = np.frombuffer(raw, dtype=np.uint8)
        if flags.size and flags.max() > 1:
            raise InvalidCall(f"tensor {name!r} has a byte other than 0 and 1: send BOOL as one of them")
        return flags.view(np.bool_)
    return np.frombuffer(raw, dtype=dtype)


def strings_of(name: str, leaves: int, raw: memoryview) -> list[str]:
    """The strings of a raw tensor of BYTES; raises InvalidCall, or RequestFaults for bytes that are no UTF-8."""
    short = _short_strings(leaves, raw.tobytes())
    return _strings_one_by_one(name, leaves, raw) if short is None else short


def _short_strings(leaves: int, raw: bytes) -> list[str] | None:
    """Strings of 1 to 255 bytes without NUL, of which many are the same; None for others, and for broken ones.

    Each length has three zeros then, which separate the strings. What was found is right if it encodes to `raw` again.
    """
    pieces = raw.split(_ZEROS)  # a string, and the first byte of the next one's length
    last = pieces.pop()
    if len(pieces) != leaves or leaves < _FEW:
        return None
    distinct = set(pieces[1:])
    if len(distinct) > leaves // 2:
        return None
    try:
        texts = {piece: str(piece[:-1], "utf-8") for piece in distinct}
        strings = [*map(texts.__getitem__, pieces[1:]), str(last, "utf-8")]
    except UnicodeDecodeError:
        return None
    encoded = {text: _encoded(text) for text in set(strings)}
    return strings if b"".join(map(encoded.__getitem__, strings)) == raw else None


def _encoded(text: str) -> bytes:
    raw = text.encode()
    return _LENGTH.pack(len(raw)) + raw


def _strings_one_by_one(name: str, leaves: int, raw: memoryview) -> list[str]:
    if len(raw) < leaves * _LENGTH.size:
        raise InvalidCall(f"tensor {name!r} has {leaves} BYTES by its shape; {len(raw)} bytes cannot hold them")
    strings, start, size = [], 0, len(raw)
    for index in range(leaves):
        if start + _LENGTH.size > size:
            raise InvalidCall(f"tensor {name!r} ends after {index} of its {leaves} BYTES")
        (length,) = _LENGTH.unpack_from(raw, start)
        start += _LENGTH.size
        end = start + length
        if end > size:
            raise InvalidCall(f"element {index} of tensor {name!r} has {length} bytes; {size - start} are left")
        try:
            strings.append(str(raw[start:end], "utf-8"))
        except UnicodeDecodeError:
            raise RequestFaults([{"row": index, "field": name, "message": "the bytes are not UTF-8"}], 1) from None
        start = end
    if start != size:
        raise InvalidCall(f"tensor {name!r} has {size - start} bytes after its {leaves} BYTES")
    return strings


def raw_of(datatype: str, cells: Sequence[Any]) -> bytes:
    """The raw form of numbers, booleans or strings."""
    if datatype == "BYTES":
        return b"".join(map(_encoded, cells))
    return np.array(cells, dtype=DTYPES[datatype]).tobytes()

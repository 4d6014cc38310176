"""The blocks of a CSV file: pieces that begin and end between two rows, with the number of rows in each.

A line feed within quotes ends no row. A quote within quotes is written twice, so that a count of quotes is even outside.
"""

from typing import BinaryIO, Final, NamedTuple

import numpy as np

SIZE: Final = 8 << 20
_LINE_FEED: Final = 10
_QUOTE: Final = 34
_RETURN: Final = 13


class Block(NamedTuple):
    """The bytes from `first` to before `end`, which have `rows` rows."""

    first: int
    end: int
    rows: int


def blocks_of(file: BinaryIO, size: int = SIZE) -> tuple[int, list[Block]]:
    """Where the first line with something in it ends, and the blocks after it, each of some more than `size` bytes."""
    header = 0
    blocks: list[Block] = []
    base, rest = 0, b""
    while True:
        read = file.read(size)
        data = rest + (read if read or not rest or rest.endswith(b"\n") else b"\n")
        ends, empty = _row_ends(data)
        if not header and len(ends):
            full = np.flatnonzero(~empty)
            if len(full):
                cut = int(ends[full[0]]) + 1
                header, base, data = base + cut, base + cut, data[cut:]
                ends, empty = ends[full[0] + 1 :] - cut, empty[full[0] + 1 :]
        last = int(ends[-1]) + 1 if len(ends) else 0
        if header and (rows := int(np.count_nonzero(~empty))):
            blocks.append(Block(base, base + last, rows))
        rest = data[last:]
        base += last
        if not read:
            return header, blocks


def _row_ends(data: bytes) -> "tuple[np.ndarray, np.ndarray]":
    """The positions of the line feeds that end rows, and whether each row is an empty line."""
    array = np.frombuffer(data, np.uint8)
    feeds = array == _LINE_FEED
    if b'"' in data:
        feeds &= np.bitwise_xor.accumulate(array == _QUOTE) == 0
    ends = np.flatnonzero(feeds)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    sizes = ends - starts
    empty = (sizes == 0) | ((sizes == 1) & (array[starts] == _RETURN)) if len(ends) else np.zeros(0, np.bool_)
    return ends, empty

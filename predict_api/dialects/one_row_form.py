"""The form of a request for one row: its JSON without the cells, which a client repeats from request to request.

Of a request in a known form, only the cells are read. A form is learnt from a request that was parsed with care. It has no
backslash, so that each quote in it begins or ends a string, and no `"data"` but those before its cells: what stands between
the cells means the same with other cells, if each of these is one value. `Found.row` lets its reader see that: a line
break ends each cell, which is in no string, number or word of JSON.
"""

import re
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

LONGEST: Final = 32 * 1024  # bytes of a request for one row
_MOST_FORMS: Final = 64  # heads
_MOST_OF_ONE_HEAD: Final = 4
_COMPACT: Final = b'"data":['
_WITH_SPACE: Final = b'"data": ['
_END_OF_CELL: Final = b",\n"
_SCALAR: Final = re.compile(rb'([^\\"\[\]{},]++|"[^\\"]*+")(?=\])')
_ID: Final = re.compile(rb'\{"id" ?: ?("[^\\"]*+"), ?')
Wants = TypeVar("Wants")


class Parts(NamedTuple):
    """A request in parts: what stands before the first cell, and each cell with what follows it up to the next.

    An id at the very beginning is taken out of the first part.
    """

    head: bytes
    pieces: list[bytes]
    length: int  # of all pieces
    id: str | None


class Form(NamedTuple, Generic[Wants]):
    """A known form: what follows each cell, the names of its columns, in its order, and what it asks for beside its id."""

    tails: list[bytes]
    length: int  # of all tails
    names: tuple[str, ...]
    wants: Wants


class Found(NamedTuple, Generic[Wants]):
    """The form of a request, and its cells as an array of one row, to be read with a type for each of `form.names`."""

    form: Form[Wants]
    row: bytes


def parts_of(body: bytes) -> Parts | None:
    """The parts of a request that may be one row, else None."""
    if len(body) > LONGEST:
        return None
    separator = _COMPACT if _COMPACT in body else _WITH_SPACE
    pieces = body.split(separator)
    head = pieces.pop(0)
    if not pieces:
        return None
    length = len(body) - len(head) - len(pieces) * len(separator)
    begin = _ID.match(head)
    if begin is None:
        return Parts(head, pieces, length, None)
    try:
        own_id = msgspec.json.decode(begin[1], type=str)
    except ValueError:
        return None
    return Parts(b"{" + head[begin.end() :], pieces, length, own_id)


class Forms(Generic[Wants]):
    """The forms that were learnt. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], tuple[Form[Wants], ...]] = {}

    def find(self, parts: Parts) -> Found[Wants] | None:
        """The form of a request and its cells, if it is known."""
        pieces = parts.pieces
        for form in self._known.get((len(pieces), parts.head), ()):
            cells = _END_OF_CELL.join(map(bytes.removesuffix, pieces, form.tails))
            if len(cells) == parts.length - form.length + (len(pieces) - 1) * len(_END_OF_CELL):
                row = b"[[%b]]" % cells
                return Found(form, row) if row.count(b"]") == 2 else None  # else it may be several rows
        return None

    def learn(self, parts: Parts, names: Sequence[str], wants: Wants) -> None:
        """Remember the form of a valid request with one cell for each of `names`, in this order."""
        cells = [_SCALAR.match(piece) for piece in parts.pieces]
        tails = [piece[cell.end() :] for piece, cell in zip(parts.pieces, cells, strict=True) if cell is not None]
        text = b"".join([parts.head, *tails])
        if len(parts.pieces) != len(names) or len(tails) != len(names) or b"\\" in text or b'"data"' in text:
            return
        if len(self._known) >= _MOST_FORMS:
            self._known.clear()
        key = len(tails), parts.head
        form = Form(tails, sum(map(len, tails)), tuple(names), wants)
        self._known[key] = (form, *self._known.get(key, ()))[:_MOST_OF_ONE_HEAD]

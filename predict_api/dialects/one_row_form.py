"""The form of a request for one row: its JSON without the cells, which a client repeats from request to request.

Of a request in a known form, only the cells are read. A form is learnt from a request that was parsed with care. It has no
backslash, so that each quote in it begins or ends a string, and no `"data"` but those before its cells: what stands between
the cells means the same with other cells.
"""

import re
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

LONGEST: Final = 32 * 1024  # bytes of a request for one row
_MOST_FORMS: Final = 64
_SCALAR: Final = rb'\[([^\\"\[\]{},]*+|"[^\\"]*+")\]'  # its reader checks it
_COMPACT: Final = b'"data":['
_CELL: Final = re.compile(rb'"data":' + _SCALAR)  # for most requests; a tenth faster than with spaces
_CELL_WITH_SPACES: Final = re.compile(rb'"data" ?: ?' + _SCALAR)
_ID: Final = re.compile(rb'\{"id" ?: ?("[^\\"]*+"), ?')
Wants = TypeVar("Wants")


class Parts(NamedTuple):
    """A request in parts: its form, its cells in JSON, and its id if it begins with one."""

    form: list[bytes]
    cells: list[bytes]
    id: str | None

    @property
    def row(self) -> bytes:
        """The cells as an array of one row."""
        return b"[[%b]]" % b",".join(self.cells)


class Form(NamedTuple, Generic[Wants]):
    """A known form: the names of its columns, in its order, and what it asks for beside its id."""

    parts: list[bytes]
    names: tuple[str, ...]
    wants: Wants


def parts_of(body: bytes) -> Parts | None:
    """The parts of a request that may be one row, else None."""
    if len(body) > LONGEST:
        return None
    pieces = (_CELL if _COMPACT in body else _CELL_WITH_SPACES).split(body)
    if len(pieces) == 1:
        return None
    form, cells = pieces[::2], pieces[1::2]
    begin = _ID.match(form[0])
    if begin is None:
        return Parts(form, cells, None)
    try:
        own_id = msgspec.json.decode(begin[1], type=str)
    except ValueError:
        return None
    form[0] = b"{" + form[0][begin.end() :]
    return Parts(form, cells, own_id)


class Forms(Generic[Wants]):
    """The forms that were learnt. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Form[Wants]] = {}

    def find(self, parts: Parts) -> Form[Wants] | None:
        """The form of a request, if it is known."""
        form = self._known.get((len(parts.form), parts.form[1]))
        return form if form is not None and form.parts == parts.form else None

    def learn(self, parts: Parts, names: Sequence[str], wants: Wants) -> None:
        """Remember the form of a valid request with one cell for each of `names`, in this order."""
        text = b"".join(parts.form)
        if len(parts.cells) != len(names) or b"\\" in text or b'"data"' in text:
            return
        if len(self._known) >= _MOST_FORMS:
            self._known.clear()
        self._known[len(parts.form), parts.form[1]] = Form(parts.form, tuple(names), wants)

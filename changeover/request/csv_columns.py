"""A CSV body (RFC 4180) as columns of cells, which `changeover/request/columns.py` checks as those of JSON.

The first line has the names of the columns, in any order. With `text/csv; header=absent` there is none, and the columns
are those of the schema in its order. An empty cell is a missing value, in quotes or not, since most writers make no
difference. A first column without a name is an index, as pandas writes one, and is ignored.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from changeover.exceptions import NotCsv, TooManyRows
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema

_BOOLEANS: Final = {"true": True, "false": False, "": None}
_BOM: Final = "\ufeff"  # Excel writes one

_NUMBERS: Final = msgspec.json.Decoder(list[float | None])
_INTEGERS: Final = msgspec.json.Decoder(list[int])

Columns = dict[str, list[Cell] | npt.NDArray[Any]]


def read_csv(body: bytes, schema: Schema, max_rows: int, *, header: bool = True) -> Columns:
    """The cells of each column: strings, true and false in a column of booleans, None where a cell is empty.

    A column of plain numbers is an array of them.

    Raises NotCsv, TooManyRows, or RequestFaults for a name that is there twice and for rows of another width.
    """
    try:
        text = body.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise NotCsv(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = filter(None, reader)  # an empty line is no row
    try:
        names = next(lines, None) if header else list(schema.by_name)
        rows = list(islice(lines, max_rows + 1))
        if len(rows) > max_rows:
            raise TooManyRows(len(rows) + sum(1 for _ in lines), max_rows)
    except csv.Error as error:
        raise NotCsv(f"the body is not CSV: {error} at line {reader.line_num}") from None
    if names is None:
        raise NotCsv("the body is empty: send a line with the names of the columns, and a line for each row")
    _refuse_other_widths(names, rows)
    return dict(_columns(names, rows, schema))


def _refuse_other_widths(names: list[str], rows: list[list[str]]) -> None:
    """Raise RequestFaults for a name that is there twice, and for each row with more or fewer cells than names."""
    errors = ValidationErrors()
    seen: set[str] = set()
    for name in names:
        if name in seen:
            errors.add(None, name, "the column is there twice")
        seen.add(name)
    width = len(names)
    for index, row in enumerate(rows):
        if len(row) != width:
            errors.add(index, None, f"the row has {len(row)} values for {width} columns")
    if errors.any:
        raise errors.error()


def _columns(
    names: list[str], rows: list[list[str]], schema: Schema
) -> Iterator[tuple[str, list[Cell] | npt.NDArray[Any]]]:
    by_column = zip(*rows, strict=True) if rows else iter(() for _ in names)
    for index, (name, cells) in enumerate(zip(names, by_column, strict=True)):
        column = schema.by_name.get(name)
        if column is None and not name and not index:
            continue
        numbers = None if column is None else _plain_numbers(cells, column)
        if numbers is not None:
            yield name, numbers
        elif column is not None and column.type is ColumnType.BOOLEAN:
            yield name, [_BOOLEANS.get(cell.lower(), cell) for cell in cells]
        else:
            yield name, [cell or None for cell in cells]


def _plain_numbers(cells: Sequence[str], column: Column) -> npt.NDArray[Any] | None:
    """The cells as an array if each is a number as JSON writes it, or empty; else None.

    The cells are parsed as one array of JSON, in a quarter of the time of parsing each. A cell with a comma would make
    the array longer, and an empty one would make it no JSON.
    """
    is_integer = column.type is ColumnType.INTEGER
    if not cells or column.format or column.enum is not None or not (is_integer or column.type is ColumnType.NUMBER):
        return None
    text = ",".join(cells)
    if "n" in text:  # nan, or null, which only JSON takes for a missing value
        return None
    if "" in cells:
        text = ",".join(cell or "null" for cell in cells)
    try:
        numbers = (
            np.array(_INTEGERS.decode(f"[{text}]"))
            if is_integer
            else np.array(_NUMBERS.decode(f"[{text}]"), dtype=np.float64)
        )
    except (ValueError, OverflowError):
        return None
    return numbers if len(numbers) == len(cells) and numbers.dtype.kind in "iuf" else None

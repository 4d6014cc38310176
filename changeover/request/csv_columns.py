"""A CSV body (RFC 4180) as columns of cells, which `changeover/request/columns.py` checks as those of JSON.

The first line has the names of the columns, in any order. With `text/csv; header=absent` there is none, and the columns
are those of the schema in its order. An empty cell is a missing value, in quotes or not, since most writers make no
difference. A first column without a name is an index, as pandas writes one, and is ignored.
"""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Final

from changeover.exceptions import NotCsv, TooManyRows
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Schema

_BOOLEANS: Final = {"true": True, "false": False, "": None}
_BOM: Final = "\ufeff"  # Excel writes one

Columns = dict[str, list[Cell]]


def read_csv(body: bytes, schema: Schema, max_rows: int, *, header: bool = True) -> Columns:
    """The cells of each column: strings, true and false in a column of booleans, None where a cell is empty.

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


def _columns(names: list[str], rows: list[list[str]], schema: Schema) -> Iterator[tuple[str, list[Cell]]]:
    by_column = zip(*rows, strict=True) if rows else iter(() for _ in names)
    for index, (name, cells) in enumerate(zip(names, by_column, strict=True)):
        column = schema.by_name.get(name)
        if column is None and not name and not index:
            continue
        if column is not None and column.type is ColumnType.BOOLEAN:
            yield name, [_BOOLEANS.get(cell.lower(), cell) for cell in cells]
        else:
            yield name, [cell or None for cell in cells]

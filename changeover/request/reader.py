"""The reader of requests, by body or by column: the fast path, then the strict path, then the limits of numbers."""

from operator import itemgetter

from changeover.exceptions import TooManyRows
from changeover.json_types import Json
from changeover.request import strict_json
from changeover.request.cells import Columns
from changeover.request.columns import ColumnReader, TypedColumns
from changeover.request.decode import Decoded, decode
from changeover.request.fast_reader import FastReader, TypedRows
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import LARGEST_NUMBER
from changeover.schema.schema import Schema


class RequestReader:
    """The reader of requests for one schema. Thread-safe."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._fast, self._columns = FastReader(schema), ColumnReader(schema)

    def read(self, body: bytes, max_rows: int) -> TypedRows | Decoded:
        """The typed rows in `body`; raises NotJson, RequestFaults, or TooManyRows past `max_rows`."""
        rows = self.read_plain(body, max_rows)
        return self.read_rows(strict_json.parse(body), max_rows) if rows is None else rows

    def read_plain(self, body: bytes, max_rows: int, names: tuple[str, ...] | None = None) -> TypedRows | None:
        """The same by the fast path, or None if it does not handle `body`; raises TooManyRows.

        With `names`, `body` is an array of arrays with the cells of these columns.
        """
        rows = self._fast.read(body) if names is None else self._fast.read_arrays(body, names)
        if rows is not None and rows.rows > max_rows:
            raise TooManyRows(rows.rows, max_rows)
        return rows

    def read_rows(self, value: Json, max_rows: int) -> Decoded:
        """The typed rows in a value of JSON; raises RequestFaults, or TooManyRows past `max_rows`."""
        decoded = decode(value, self.schema, max_rows)
        _refuse_large_numbers(decoded)
        return decoded

    def read_columns(self, columns: Columns, max_rows: int) -> TypedColumns | TypedRows | Decoded:
        """The typed rows in columns; raises RequestFaults, or TooManyRows past `max_rows`."""
        if set(map(type, columns.values())) == {tuple}:
            row = self._fast.read_row(columns)
            if row is not None:
                return row
        rows = self._columns.read(columns, max_rows)
        if isinstance(rows, Decoded):
            _refuse_large_numbers(rows)
        return rows


def _refuse_large_numbers(decoded: Decoded) -> None:
    """Raise RequestFaults naming every row and field whose number is beyond plus or minus LARGEST_NUMBER.

    scikit-learn's trees compute in float32: with such a number they raise or return NaN.
    """
    errors = ValidationErrors()
    large = [
        (row, name)
        for name, cells in decoded.columns.items()
        for row, cell in enumerate(cells)
        if type(cell) is float and abs(cell) > LARGEST_NUMBER  # NaN is not; 64-bit integers are within the limits
    ]
    for row, name in sorted(large, key=itemgetter(0)):
        errors.add(row, name, f"the number is too large: at most {LARGEST_NUMBER:.2g} is taken, of either sign")
    if errors.any:
        raise errors.error()

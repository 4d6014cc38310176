"""The reader of request bodies: the fast path first, then the strict path, then the limits of numbers."""

from operator import itemgetter

from changeover.exceptions import TooManyRows
from changeover.request import strict_json
from changeover.request.decode import Decoded, decode
from changeover.request.fast_reader import FastReader, TypedRows
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import LARGEST_NUMBER
from changeover.schema.schema import Schema


class RequestReader:
    """The reader of request bodies for one schema. Thread-safe."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._fast = FastReader(schema)

    def read(self, body: bytes, max_rows: int) -> TypedRows | Decoded:
        """The typed rows in `body`; raises NotJson, RequestFaults, or TooManyRows past `max_rows`."""
        rows = self._fast.read(body)
        if rows is not None:
            if rows.rows > max_rows:
                raise TooManyRows(rows.rows, max_rows)
            return rows
        decoded = decode(strict_json.parse(body), self._schema, max_rows)
        _refuse_large_numbers(decoded)
        return decoded


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

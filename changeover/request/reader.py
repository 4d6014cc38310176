"""The reader of request bodies: the fast path first, then the strict path, then the limits of numbers."""

from changeover.exceptions import TooManyRows
from changeover.request import strict_json
from changeover.request.decode import Decoded, decode
from changeover.request.fast_reader import FastReader, TypedRows
from changeover.request.number_limits import refuse_what_is_too_large
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
        refuse_what_is_too_large(decoded)
        return decoded

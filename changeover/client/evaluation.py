"""The digest of held-out data, which identifies the rows that metrics were measured on.

It is the member `evaluation` of the manifest: the promote gate compares two versions only on equal data. The digest of
a table is the SHA-256 of UTF-8 lines, each ended by a newline. The first line holds the sorted column names as a JSON
array. Then each row is a JSON array of its cells in the order of those names; the lines of the rows are sorted. JSON
has no blanks and only required escapes. A missing value is null, an integral number has no decimal point (7.0 is 7),
another number has the fewest digits that give the same double, a date or time is ISO 8601. So the digest does not
depend on the index, on the order of rows or columns, or on int64 against float64.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from changeover.names import is_version

if TYPE_CHECKING:
    import pandas as pd

_CSV: Final = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
_EXACT: Final = 2**53  # below this every integer is an exact double


class UnreadableData(ChangeoverError):
    """Held-out data that is neither a frame, nor a file of one, nor a digest."""


def evaluated_on(data: "pd.DataFrame | Path | str") -> JsonObject:
    """`{"data_sha256": ..., "rows": n}` for held-out data: what `Draft.evaluation` takes.

    `data` is a frame of all inputs and the target, or the path of a CSV or parquet file, which pandas reads with its
    defaults, or a digest that was computed before. Raises UnreadableData.
    """
    if isinstance(data, str) and is_version(data.lower()):
        return {"data_sha256": data.lower()}
    if isinstance(data, Path | str):
        return _of_frame(read_table(Path(data)))
    return _of_frame(data)


def read_table(path: Path) -> "pd.DataFrame":
    """The table in a CSV or parquet file; raises UnreadableData."""
    import pandas as pd

    name = path.name.lower()
    try:
        if name.endswith(_CSV):
            return pd.read_csv(path)
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
    except (OSError, ValueError, ImportError) as error:
        raise UnreadableData(f"{path} cannot be read as a table: {error}") from error
    raise UnreadableData(f"{path} is no .csv or .parquet file: name one, or give the SHA-256 of the data")


def _of_frame(frame: "pd.DataFrame") -> JsonObject:
    names = [str(name) for name in frame.columns]
    if not names or len(set(names)) != len(names):
        raise UnreadableData("held-out data needs columns, each with a name of its own")
    order = sorted(range(len(names)), key=names.__getitem__)
    columns = [_cells(frame.iloc[:, position]) for position in order]
    digest = hashlib.sha256(_line([names[position] for position in order]))
    for line in sorted(_line(list(row)) for row in zip(*columns, strict=True)):
        digest.update(line)
    return {"data_sha256": digest.hexdigest(), "rows": len(frame)}


def _cells(series: "pd.Series[Any]") -> list[Json]:
    from changeover.estimator.training_frame import raw_values

    return [_cell(value) for value in raw_values(series)]


def _cell(value: object) -> Json:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat()) if callable(isoformat) else str(value)


def _line(cells: list[Json] | list[str]) -> bytes:
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"

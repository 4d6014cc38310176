"""The cost of validation: from bytes to checked, typed cells, of one row and of 1,000 rows, in each form of a body.

The row is that of the segmentation example: 100 columns, spelt as consumers send them. "read" is the reader of
predict_api (`changeover/request/reader.py`), which reads rows and pandas' split form on its fast path. "strict" is the
strict path alone (`changeover/request/strict_json.py`, `changeover/request/decode.py`). All take turns in each round.
Other work on the machine only adds time, so the lower quartiles of the rounds count. All numbers are microseconds of
processor time.

    python benchmarks/decode.py --rounds 60
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from changeover.demo.bodies import body_rows  # noqa: E402 sys.path needs the project's folder first
from changeover.demo.train import schema_of_segmentation  # noqa: E402
from changeover.json_types import JsonObject  # noqa: E402
from changeover.request.decode import decode  # noqa: E402
from changeover.request.reader import RequestReader  # noqa: E402
from changeover.request.strict_json import parse  # noqa: E402
from changeover.schema.schema import Schema  # noqa: E402
from predict_api import gc_tuning  # noqa: E402

ROWS = 1000
REPEATS = {1: 400, ROWS: 1}  # in one round
TARGETS = {1: 60.0, ROWS: 15_000.0}  # microseconds more than json.loads, for rows


def forms(rows: list[JsonObject]) -> dict[str, object]:
    """The same rows in each form of a body."""
    names = list(rows[0])
    return {
        "rows": rows[0] if len(rows) == 1 else rows,
        "split": {"columns": names, "index": list(range(len(rows))), "data": [list(row.values()) for row in rows]},
        "columns of lists": {name: [row[name] for row in rows] for name in names},
        "columns of objects": {name: {str(index): row[name] for index, row in enumerate(rows)} for name in names},
    }


def microseconds(work: Callable[[], object], repeats: int) -> float:
    """The mean of `repeats` calls."""
    start = time.thread_time()
    for _ in range(repeats):
        work()
    return 1e6 * (time.thread_time() - start) / repeats


def compare(rows: list[JsonObject], schema: Schema, rounds: int) -> None:
    """Print the microseconds of `json.loads` alone, of the reader and of the strict path for each form."""
    reader = RequestReader(schema)
    works: dict[tuple[str, str], Callable[[], object]] = {}
    for form, value in forms(rows).items():
        data = json.dumps(value).encode()
        works[form, "json.loads"] = lambda data=data: json.loads(data)
        works[form, "read"] = lambda data=data: reader.read(data, ROWS)
        works[form, "strict"] = lambda data=data: decode(parse(data), schema, ROWS)
    times: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for _ in range(rounds):
        for key, work in works.items():
            times[key].append(microseconds(work, REPEATS[len(rows)]))
    quartiles = {key: statistics.quantiles(values, n=4)[0] for key, values in times.items()}
    print(f"{len(rows)} rows of {len(schema.columns)} columns")
    for form in forms(rows[:1]):
        print(
            f"  {form:<20}", *(f"{name} {quartiles[form, name]:10.1f}  " for name in ("json.loads", "read", "strict"))
        )
    more = quartiles["rows", "read"] - quartiles["rows", "json.loads"]
    verdict = "met" if more < TARGETS[len(rows)] else "missed"
    print(f"  target for rows: read at most {TARGETS[len(rows)]:.0f} more than json.loads; {verdict} with {more:+.1f}")


def main() -> None:
    """Compare for one row and for many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    gc_tuning.settle()  # as a worker does
    schema, rows = schema_of_segmentation(), body_rows()
    compare(rows[:1], schema, arguments.rounds)
    compare([rows[index % len(rows)] for index in range(ROWS)], schema, arguments.rounds)


if __name__ == "__main__":
    main()

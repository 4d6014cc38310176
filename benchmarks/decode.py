"""The cost of validation: from bytes to checked, typed cells beside `json.loads` alone, of one row and of 1,000 rows.

"read" is what predict_api does with a plain request (`changeover/request/fast_reader.py`); "with care" is the way of everything
else, each fault of a request among it (`changeover/request/strict_json.py`, `changeover/request/decode.py`). The row is that of the segmentation example, 100 columns as consumers send them. Each round takes all
in turn. Other work on the machine only ever adds: what counts is the lower quartile of the rounds, in processor time.

    python benchmarks/decode.py --rounds 60
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from changeover.demo.bodies import body, body_rows  # noqa: E402
from changeover.demo.train import schema_of_segmentation  # noqa: E402
from changeover.request.decode import decode  # noqa: E402 the project's folder must be known first
from changeover.request.fast_reader import TypedReader  # noqa: E402
from changeover.request.strict_json import parse  # noqa: E402
from changeover.schema.schema import Schema  # noqa: E402
from predict_api import gc_tuning  # noqa: E402

ROWS = 1000
REPEATS = {1: 400, ROWS: 1}  # in one round
TARGETS = {1: 60.0, ROWS: 15_000.0}  # microseconds more than json.loads


class Times(NamedTuple):
    """Microseconds of one call: on the clock, and of the processor."""

    clock: float
    processor: float


def times_of(work: Callable[[], object], repeats: int) -> Times:
    """The mean of `repeats` calls."""
    clock, processor = time.perf_counter(), time.thread_time()
    for _ in range(repeats):
        work()
    return Times(*(1e6 * spent / repeats for spent in (time.perf_counter() - clock, time.thread_time() - processor)))


def quartile(rounds: list[float]) -> float:
    """The lower one."""
    return statistics.quantiles(rounds, n=4)[0]


def compare(data: bytes, schema: Schema, rows: int, rounds: int) -> None:
    """Print the microseconds of `json.loads` alone, and of parsing and decoding, for `data` of so many rows."""
    reader = TypedReader(schema)
    if reader.read(data) is None:
        raise SystemExit("the body is not read the short way: nothing of interest would be measured")
    works: dict[str, Callable[[], object]] = {
        "json.loads": lambda: json.loads(data),
        "read": lambda: reader.read(data),
        "with care": lambda: decode(parse(data), schema, ROWS),
    }
    found: dict[str, list[Times]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(times_of(work, REPEATS[rows]))
    print(f"{rows} rows of {len(schema.columns)} columns, {len(data)} bytes")
    print(f"  {'microseconds':<18} {'least':>10} {'quartile':>10} {'median':>10} {'processor':>10}")
    table: dict[str, list[float]] = {}
    for name, times in found.items():
        clock, processor = [one.clock for one in times], [one.processor for one in times]
        table[name] = [min(clock), quartile(clock), statistics.median(clock), quartile(processor)]
        print(f"  {name:<18} " + " ".join(f"{number:10.1f}" for number in table[name]))
    for name in ("read", "with care"):
        more = [ours - bare for ours, bare in zip(table[name], table["json.loads"], strict=True)]
        print(f"  {name + ' - loads':<18} " + " ".join(f"{number:+10.1f}" for number in more))
        verdict = "met" if more[-1] < TARGETS[rows] else "missed"
        print(f"    wanted: less than {TARGETS[rows]:+.0f} us of the processor; {verdict} with {more[-1]:+.1f} us")


def main() -> None:
    """Compare for one row and for many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    gc_tuning.settle()  # as a worker does
    schema = schema_of_segmentation()
    rows = body_rows()
    many = json.dumps([rows[place % len(rows)] for place in range(ROWS)]).encode()
    compare(body("single"), schema, 1, given.rounds)
    compare(many, schema, ROWS, given.rounds)


if __name__ == "__main__":
    main()

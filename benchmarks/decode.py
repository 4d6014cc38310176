"""What validation costs: strict JSON and typed columns beside `json.loads` alone, of one row and of 1,000 rows.

The row is that of the segmentation example, 100 columns as consumers send them. Each round takes both in turn; the
lower quartile of the rounds counts, since other work on the machine only ever adds.

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

from changeover.decode import decode  # noqa: E402 the project's folder must be known first
from changeover.schema import Schema  # noqa: E402
from changeover.strict_json import parse  # noqa: E402
from examples.segmentation.bodies import body, body_rows  # noqa: E402
from examples.segmentation.train import schema_of_segmentation  # noqa: E402

ROWS = 1000
REPEATS = {1: 400, ROWS: 1}  # in one round
TARGETS = {1: 60.0, ROWS: 15_000.0}  # microseconds more than json.loads


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """The mean time of one of `repeats` calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def compare(data: bytes, schema: Schema, rows: int, rounds: int) -> None:
    """Print the microseconds of `json.loads` alone, and of parsing and decoding, for `data` of so many rows."""
    plain: list[float] = []
    parsed: list[float] = []
    typed: list[float] = []
    repeats = REPEATS[rows]
    for _ in range(rounds):
        plain.append(1e6 * seconds_of(lambda: json.loads(data), repeats))
        parsed.append(1e6 * seconds_of(lambda: parse(data), repeats))
        typed.append(1e6 * seconds_of(lambda: decode(parse(data), schema, ROWS), repeats))
    loads, strict, whole = (statistics.quantiles(times, n=4)[0] for times in (plain, parsed, typed))
    print(
        f"{rows:>5} rows of {len(schema.columns)} columns: json.loads {loads:8.1f} us   strict_json.parse {strict:8.1f} us"
        f"   parse and decode {whole:8.1f} us   {whole - loads:+8.1f} us, x {whole / loads:.2f}"
    )
    least, most = min(typed) - min(plain), statistics.median(typed) - statistics.median(plain)
    verdict = "met" if whole - loads < TARGETS[rows] else "missed"
    print(f"      least {least:+.1f} us, median {most:+.1f} us; wanted less than {TARGETS[rows]:+.0f} us: {verdict}")


def main() -> None:
    """Compare for one row and for many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    schema = schema_of_segmentation()
    rows = body_rows()
    many = json.dumps([rows[place % len(rows)] for place in range(ROWS)]).encode()
    compare(body("single"), schema, 1, given.rounds)
    compare(many, schema, ROWS, given.rounds)


if __name__ == "__main__":
    main()

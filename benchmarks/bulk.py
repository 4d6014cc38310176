"""`changeover score` of many rows of the segmentation example: rows a second, memory, and runs that are killed.

1. Parquet files of a hundred columns through the ONNX twin, on all cores: rows a second for each core and for each second
   of the processor, in relation to plain scikit-learn on the same rows (pyarrow, pandas, `predict_proba`), and the memory
   of the run at a tenth of its parts and at its end.
2. Fewer rows: a run that is killed with SIGKILL at random moments and started again, until it ends, beside one that
   nothing disturbs. Both give the same files.

The input is one file under many names, so that it fills no disk. `make bench BENCH=bulk ARGS="--rows 10000000"`.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from processes import resident, stack, tree  # before the imports below: it adds the project's folder to sys.path

from changeover.demo.generate import generate
from changeover.demo.train import build, draft, read_frame, schema_of_segmentation

MODEL = "segmentation"
FILE_ROWS = 200_000
GROUP_ROWS = 25_000
PLAIN_ROWS = 50_000
LOOK_EVERY = 0.5  # seconds between two looks at the memory


def write_rows(folder: Path, rows: int) -> None:
    """Files of `FILE_ROWS` rows, at least `rows` in all, below `folder`."""
    folder.mkdir()
    first = folder / "rows-00000.parquet"
    drawn = read_frame(generate(FILE_ROWS, seed=7), schema_of_segmentation())
    pq.write_table(pa.Table.from_pandas(drawn, preserve_index=False), first, row_group_size=GROUP_ROWS)
    for number in range(1, -(-rows // FILE_ROWS)):
        os.link(first, folder / f"rows-{number:05d}.parquet")


def command(home: Path, source: Path, target: Path) -> list[str]:
    """The command line of a run."""
    words = ["score", str(source), str(target), "--home", str(home), "--json", "--cache-dir", str(home / "scored")]
    return [sys.executable, "-m", "changeover", *words]


def whole(home: Path, source: Path, target: Path, rows: int, cores: int) -> float:
    """The first part; returns the rows a second of the processor."""
    start = time.monotonic()
    process = subprocess.Popen(command(home, source, target), stdout=subprocess.PIPE, text=True)
    seen: list[tuple[int, int]] = []  # parts and bytes
    watched = psutil.Process(process.pid)
    ended = None
    while ended is None:
        time.sleep(LOOK_EVERY)
        parts = len(list(target.glob("part-*"))) if target.exists() else 0
        seen.append((parts, resident(tree(watched))))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        ended = (status, usage) if pid else None
    status, usage = ended
    took = time.monotonic() - start
    assert os.waitstatus_to_exitcode(status) == 0, status
    spent = usage.ru_utime + usage.ru_stime
    most = max(parts for parts, _ in seen)
    early = max(memory for parts, memory in seen if parts <= most / 10)
    late = max(memory for parts, memory in seen if parts > most / 2)
    print(f"{rows} rows in {took:.1f} s on {cores} cores: {rows / took / cores:,.0f} rows/s a core (aim 100,000),")
    print(f"  {rows / spent:,.0f} rows for each second of the processor")
    print(
        f"  memory of all processes: {early / 2**20:.0f} MiB in the first tenth, {late / 2**20:.0f} MiB in the second half"
    )
    return rows / spent


def plainly(source: Path, estimator: Any) -> float:
    """The rows that plain scikit-learn scores for each second of the processor, with what reads and writes them."""
    file = pq.ParquetFile(next(iter(source.iterdir())))
    before, rows = time.process_time(), 0
    for batch in file.iter_batches(batch_size=GROUP_ROWS):
        frame = batch.to_pandas()
        estimator.predict_proba(frame)
        estimator.predict(frame)
        rows += len(frame)
        if rows >= PLAIN_ROWS:
            break
    return rows / (time.process_time() - before)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each part."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("part-*"))}


def killed(home: Path, source: Path, folder: Path, kills: int, seed: int) -> None:
    """The second part."""
    start = time.monotonic()
    subprocess.run(command(home, source, folder / "undisturbed"), stdout=subprocess.PIPE, check=True)
    took = time.monotonic() - start
    target, drawn, ended = folder / "disturbed", random.Random(seed), 0
    parts = []
    for _ in range(kills):
        process = subprocess.Popen(command(home, source, target), stdout=subprocess.PIPE, start_new_session=True)
        time.sleep(drawn.uniform(0.1, 2 + took / 8))
        ended += process.poll() is not None
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        parts.append(len(list(target.glob("part-*"))))
    done = subprocess.run(command(home, source, target), stdout=subprocess.PIPE, check=True)
    one, other = digests(folder / "undisturbed"), digests(target)
    read = [
        sum(pq.read_metadata(file).num_rows for file in (folder / name).glob("part-*"))
        for name in ("undisturbed", "disturbed")
    ]
    print(
        f"{kills - ended} kills at random moments (seed {seed}), parts after each {parts}; the last run: {json.loads(done.stdout)['rows']} rows"
    )
    print(f"  rows {read[0]} and {read[1]}; the same bytes: {one == other}, {len(one)} parts")
    assert one == other
    assert read[0] == read[1]


def main() -> None:
    """Run both parts on one stack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kill-rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    trained = build(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        joblib.dump(trained.estimator, folder / "model.joblib")
        with stack(folder, MODEL, workers=1) as client:
            client.publish(folder / "model.joblib", MODEL, draft=draft(trained), roll=True)
            rows = -(-options.rows // FILE_ROWS) * FILE_ROWS
            write_rows(folder / "rows", rows)
            ours = whole(folder / "home", folder / "rows", folder / "scores", rows, len(os.sched_getaffinity(0)))
            plain = plainly(folder / "rows", trained.estimator)
            print(
                f"  plain scikit-learn: {plain:,.0f} rows for each second of the processor; x {ours / plain:.2f} of it"
            )
            write_rows(folder / "fewer", options.kill_rows)
            killed(folder / "home", folder / "fewer", folder, options.kills, options.seed)


if __name__ == "__main__":
    main()

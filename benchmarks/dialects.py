"""Requests per second in each dialect, relative to the same rows as JSON on `/predict`.

The example of 100 columns (`changeover/demo/train.py`) on the embedded stack; each cell is a number, a known category or
null. wrk sends each body over and over, in turns with the body that it is compared with; the ratio is the median of
those of the rounds. Other work on the machine slows both. To measure another dialect, add a function to CASES.

    make bench BENCH=dialects ARGS="--rounds 5 --seconds 3"
"""

import argparse
import json
import statistics
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
from processes import JSON, stack  # before the imports below: it adds the project's folder to sys.path

from benchmarks.peers import load
from benchmarks.peers.models import segmentation
from changeover.demo.train import build, schema_of_segmentation
from changeover.estimator.training_frame import read_frame
from changeover.json_types import Json, JsonObject
from changeover.schema.cell_parsers import ColumnType
from predict_api.prediction.forms import ARROW_TYPE, CSV_TYPE

MODEL = "segmentation"
BATCH = 1000  # rows
TYPE = "Content-Type"
SCHEMA = schema_of_segmentation()
_DATATYPES = {ColumnType.STRING: "BYTES", ColumnType.NUMBER: "FP64"}


@dataclass(frozen=True)
class Case:
    """One request; `expected` is the least ratio to `/predict` with the same number of `rows`."""

    name: str
    path: str
    rows: int
    body: bytes
    expected: float
    headers: dict[str, str] = field(default_factory=lambda: JSON)


def open_inference(rows: list[JsonObject]) -> Iterator[Case]:
    """The Open Inference Protocol: one row in JSON, and a batch as raw tensors in and out."""
    path = f"/v2/models/{MODEL}/infer"
    tensors: list[Json] = [
        {"name": column.name, "shape": [1], "datatype": _DATATYPES[column.type], "data": [rows[0][column.name]]}
        for column in SCHEMA.columns
    ]
    yield Case("one row, OIP", path, 1, encoded({"inputs": tensors}), 0.8)
    inputs: list[Json] = []
    raws: list[bytes] = []
    for column in SCHEMA.columns:
        cells = [row[column.name] for row in rows]
        if column.type is ColumnType.STRING:
            texts = [str(cell).encode() for cell in cells]
            raws.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
        else:
            raws.append(np.array(cells, dtype=np.float64).tobytes())
        size: JsonObject = {"binary_data_size": len(raws[-1])}
        inputs.append(
            {"name": column.name, "shape": [len(rows)], "datatype": _DATATYPES[column.type], "parameters": size}
        )
    head = encoded({"parameters": {"binary_data_output": True}, "inputs": inputs})
    header = {"Inference-Header-Content-Length": str(len(head))}
    yield Case(f"{len(rows)} rows, OIP raw", path, len(rows), b"".join([head, *raws]), 3.0, header)


def mlflow(rows: list[JsonObject]) -> Iterator[Case]:
    """MLflow: one row in two forms of JSON, and a batch as its client sends a frame."""
    path = "/invocations"
    yield Case("one row, MLflow records", path, 1, encoded({"dataframe_records": [rows[0]]}), 0.8)
    yield Case("one row, MLflow split", path, 1, encoded({"dataframe_split": _split(rows[:1])}), 0.8)
    yield Case(f"{len(rows)} rows, MLflow split", path, len(rows), encoded({"dataframe_split": _split(rows)}), 0.8)


def _split(rows: list[JsonObject]) -> JsonObject:
    return {"columns": [*rows[0]], "index": [*range(len(rows))], "data": [[*row.values()] for row in rows]}


def tensorflow_serving(rows: list[JsonObject]) -> Iterator[Case]:
    """TensorFlow Serving: one row."""
    yield Case("one row, TF Serving", f"/v1/models/{MODEL}:predict", 1, encoded({"instances": [rows[0]]}), 0.8)


def columns(rows: list[JsonObject]) -> Iterator[Case]:
    """The same rows on `/predict` as CSV, and as an Arrow stream in and out."""
    frame = pd.DataFrame(rows)
    yield Case(
        f"{len(rows)} rows, CSV", "/predict", len(rows), frame.to_csv(index=False).encode(), 0.3, {TYPE: CSV_TYPE}
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    both = {TYPE: ARROW_TYPE, "Accept": ARROW_TYPE}
    yield Case(f"{len(rows)} rows, Arrow", "/predict", len(rows), sink.getvalue().to_pybytes(), 5.0, both)


# each takes the rows of the batch, of which the first is the row of single requests
CASES: tuple[Callable[[list[JsonObject]], Iterator[Case]], ...] = (open_inference, mlflow, tensorflow_serving, columns)


def encoded(value: Json) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def rows_of_example() -> list[JsonObject]:
    """The rows of the batch, typed."""
    raw = pd.DataFrame(segmentation().raw)
    frame = read_frame(raw, SCHEMA)
    known: list[JsonObject] = json.loads(frame.to_json(orient="records"))
    return [known[index % len(known)] for index in range(BATCH)]


class Turns:
    """The turns of one case and of what it is compared with."""

    def __init__(self, url: str, folder: Path, seconds: float, connections: int) -> None:
        self._url, self._folder, self._seconds, self._connections = url, folder, seconds, connections

    def rate(self, case: Case) -> float:
        """Responses with 200 a second; ends the benchmark if there are others."""
        file = self._folder / "body"
        file.write_bytes(case.body)
        result = load.ask(f"{self._url}{case.path}", file, self._connections, self._seconds, case.headers)
        if result.wrong:
            raise SystemExit(f"{case.name}: {result.wrong} requests were not answered with 200")
        return result.rate


def main() -> None:
    """Run the rounds in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    rows = rows_of_example()
    bodies = {1: encoded(rows[0]), BATCH: encoded([*rows])}
    predict = {count: Case(f"{count} rows, /predict", "/predict", count, body, 1.0) for count, body in bodies.items()}
    cases = [case for cases in CASES for case in cases(rows)]
    rates: dict[str, list[tuple[float, float]]] = {case.name: [] for case in cases}
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "model.joblib"
        joblib.dump(build(1).estimator, file)
        with stack(Path(temporary), MODEL, QUEUE_SECONDS="60", workers=1, LOG_LEVEL="warning") as client:
            client.publish(file, MODEL, draft=segmentation().said, roll=True)
            turns = Turns(client.stack.predict_urls[0], Path(temporary), options.seconds, options.connections)
            for _ in range(options.rounds):
                for case in cases:
                    rates[case.name].append((turns.rate(predict[case.rows]), turns.rate(case)))
    print(f"medians of {options.rounds} rounds of {options.seconds:g} s, {options.connections} connections, one worker")
    for case in cases:
        here, there = (statistics.median(column) for column in zip(*rates[case.name], strict=True))
        ratio = statistics.median(own / json_rate for json_rate, own in rates[case.name])
        print(
            f"{case.name:<28} /predict {here:8.1f}/s   {there:8.1f}/s   ratio {ratio:5.2f} (at least {case.expected:g})"
        )


if __name__ == "__main__":
    main()

"""Processor seconds of `changeover.spark.score`, and of a plain `mapInArrow` with the pipeline's own `predict_proba`.

Both score the same rows in turns, in one Spark session on two cores, into Spark's `noop` sink. What counts is the
processor time of the whole tree: the JVM, the Python workers, and the process of a model without a twin. The numbers of
each way are medians over the rounds; the first round of each is not counted. `make bench BENCH=spark_score ARGS="--rows 1000000"`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
from processes import ROOT, processor_seconds, tree

COLUMNS = ["age", "income", "plan", "member"]
MODELS = ("churn", "centroids")  # with a twin, and without


def main() -> None:
    """Publish both models, draw rows, and start the rounds in the environment of the engines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--packages", type=Path, help="a folder that has the engines' packages (default: made)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        rounds(json.loads(options.inside))
        return
    with tempfile.TemporaryDirectory() as temporary:
        outside(Path(temporary), options)


def outside(folder: Path, options: argparse.Namespace) -> None:
    """Start model_server and the program with the rounds."""
    from tests.engines.environment import make, variables
    from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
    from tests.processes.store import Store

    packages = options.packages or make(folder / "packages")
    drawn = draw(options.rows)
    (folder / "rows").mkdir()
    for number, part in enumerate(np.array_split(np.arange(options.rows), 8)):
        drawn.iloc[part].to_parquet(folder / "rows" / f"{number}.parquet", index=False)
    with Store("seaweed", folder) as store, ModelServer(store, "models", folder, {"RUNTIME": "onnx"}) as server:
        publish(server.url, PUBLISH_TOKEN, drawn.head(2_000), folder)
        words = {"server_url": server.url, "token": PUBLISH_TOKEN, "folder": str(folder)}
        words |= {"rows": options.rows, "rounds": options.rounds}
        command = [sys.executable, __file__, "--inside", json.dumps(words)]
        subprocess.run(command, cwd=ROOT / "benchmarks", env=variables(packages), check=True)


def draw(rows: int) -> pd.DataFrame:
    """Rows of customers, with ids."""
    random = np.random.default_rng(0)
    income = random.normal(42_000, 8_000, rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": random.integers(18, 90, rows),
            "income": income.round(2),
            "plan": random.choice(["basic", "silver", "gold"], rows),
            "member": random.random(rows) < 0.5,
        }
    )


def publish(server_url: str, token: str, rows: pd.DataFrame, folder: Path) -> None:
    """Publish and roll both models, and keep their files for the plain way."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestCentroid
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from changeover import Client

    client = Client(server_url, token=token)
    labels = np.where(rows.age + rows.income / 1_000 > 95, "yes", "no")
    for name, last in zip(MODELS, (LogisticRegression(), NearestCentroid()), strict=True):
        steps = [("plan", OneHotEncoder(sparse_output=False), ["plan"]), ("n", StandardScaler(), ["age", "income"])]
        model = make_pipeline(ColumnTransformer(steps, remainder="passthrough"), last).fit(rows[COLUMNS], labels)
        joblib.dump(model, folder / f"{name}.joblib")
        version = client.publish(model, name, example=rows[COLUMNS], roll=True).version
        twin = (client.manifest(version, name).get("twin") or {}).get("sha256")
        print(f"{name}: {version[:12]}, {'with' if twin else 'without'} a twin", flush=True)


def rounds(words: dict[str, Any]) -> None:
    """All rounds of both ways, for each model; prints a line for each model."""
    from changeover.spark import score
    from tests.engines.session import session

    folder = Path(words["folder"])
    spark = session(folder, {"spark.sql.execution.arrow.maxRecordsPerBatch": "10000"})
    frame = spark.read.parquet(str(folder / "rows"))
    asked = {name: words[name] for name in ("server_url", "token")}
    for name in MODELS:
        ours = score(frame, name, keep=["id"], cache_dir=str(folder / "cache"), **asked)
        plain = frame.mapInArrow(plainly(str(folder / f"{name}.joblib"), asks_labels=name != MODELS[0]), ours.schema)
        assert ours.orderBy("id").limit(100).select("prediction").collect() == (
            plain.orderBy("id").limit(100).select("prediction").collect()
        )
        spent: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(words["rounds"] + 1):
            for way, scored in (("plain", plain), ("ours", ours)):
                spent[way].append(spent_by(lambda scored=scored: write(scored)))
        plain_s, ours_s = (statistics.median(spent[way][1:]) for way in ("plain", "ours"))
        print(
            f"{name}: {words['rows']} rows, plain {plain_s:.2f} s, score {ours_s:.2f} s of processor time; rows a processor "
            f"second {words['rows'] / plain_s:,.0f} and {words['rows'] / ours_s:,.0f}: x {plain_s / ours_s:.2f} "
            f"(all: {spent})",
            flush=True,
        )
    spark.stop()


def write(scored: Any) -> None:
    """Compute all rows of a DataFrame and write none."""
    scored.write.format("noop").mode("overwrite").save()


def plainly(path: str, *, asks_labels: bool) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The way without Changeover: the pipeline loaded in each task, and its `predict_proba`.

    The label is the most probable class, which saves a call. `asks_labels` is for models of which `predict` says otherwise.
    """

    def answers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        model = joblib.load(path)
        for batch in batches:
            rows = batch.select(COLUMNS).to_pandas()
            probabilities = model.predict_proba(rows)
            labels = model.predict(rows) if asks_labels else model.classes_[probabilities.argmax(axis=1)]
            offsets = pa.array(np.arange(len(labels) + 1, dtype=np.int32) * probabilities.shape[1])
            yield pa.RecordBatch.from_arrays(
                [
                    batch.column("id"),
                    pa.array(labels.astype(object), pa.string()),
                    pa.ListArray.from_arrays(offsets, pa.array(probabilities.ravel())),
                    pa.array(["a version"] * len(labels)),
                ],
                names=["id", "prediction", "predict_proba", "model_version"],
            )

    return answers


def spent_by(call: Callable[[], None]) -> float:
    """The processor seconds that this process and all below it spend during the call."""
    before = total()
    call()
    return total() - before


def total() -> float:
    """The processor seconds so far of this process and all below it, with those that ended."""
    return processor_seconds(tree(psutil.Process()))


if __name__ == "__main__":
    sys.exit(main())

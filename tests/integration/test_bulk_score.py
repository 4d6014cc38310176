"""`changeover score` on a real model_server and a real store: the same answers, once each, whatever ends it."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelPropagation

from changeover import Client
from object_store.bucket import Bucket
from object_store.bulk_keys import bulk_key
from object_store.keys import twin_key
from object_store.retention_keys import holds_prefix, parse_hold
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import ACCESS_KEY, SECRET_KEY, Store

ROWS, FILES = 2000, 12
BUCKET = "bulk-scores"


def frame_of(rows: int, seed: int) -> pd.DataFrame:
    """Rows of the model: two numbers and a category."""
    draw = np.random.default_rng(seed)
    region = draw.choice(["north", "south, far", 'the "west"'], rows)
    return pd.DataFrame({"age": draw.normal(40, 9, rows), "income": draw.normal(3e4, 9e3, rows), "region": region})


@dataclass
class Stack:
    """A model_server with two models, and what is needed to compare with them."""

    server: ModelServer
    store: Store
    estimator: Any
    version: str
    folder: Path

    def variables(self) -> Mapping[str, str]:
        """The environment of a command."""
        return {
            **os.environ,
            "CHANGEOVER_SERVER_URL": self.server.url,
            "CHANGEOVER_TOKEN": PUBLISH_TOKEN,
            "AWS_ENDPOINT_URL_S3": self.store.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "BUCKET": BUCKET,
        }

    def start(self, *words: object, cache: Path | None = None) -> "subprocess.Popen[str]":
        """Start `changeover score`, with two workers."""
        command = [sys.executable, "-m", "changeover", "score", *map(str, words), "--workers", "2", "--json"]
        command += ["--cache-dir", str(cache or self.folder / "cache")]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.variables(), cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def score(self, *words: object, cache: Path | None = None) -> dict[str, Any]:
        """Run it to its end: what it printed."""
        process = self.start(*words, cache=cache)
        out, err = process.communicate()
        assert process.returncode in (0, 1), err
        body: dict[str, Any] = json.loads(out if process.returncode == 0 else err)
        return body


@pytest.fixture(scope="module")
def stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("bulk")
    frame = frame_of(300, 0)
    target = np.where(frame["age"] + frame["income"] / 1e3 > 70, "yes", "no")
    numbers = (StandardScaler(), ["age", "income"])
    columns = make_column_transformer(numbers, (OneHotEncoder(handle_unknown="ignore"), ["region"]))
    estimator = make_pipeline(columns, LogisticRegression()).fit(frame, target)
    alone = make_pipeline(StandardScaler(), LabelPropagation()).fit(frame[["age", "income"]], target)
    with ModelServer(seaweed, BUCKET, folder, {"RUNTIME": "onnx"}) as server:
        client = Client(server.url, token=PUBLISH_TOKEN)
        published = client.publish(estimator, "loan", example=frame, roll=True)
        client.publish(alone, "alone", example=frame[["age", "income"]], roll=True)
        assert client.manifest(published.version, "loan")["twin"]["sha256"]  # type: ignore[index, call-overload]
        yield Stack(server, seaweed, estimator, published.version, folder)


@pytest.fixture(scope="module")
def tables(stack: Stack) -> Path:
    """A folder of Parquet files, some with several row groups."""
    folder = stack.folder / "in"
    for index in range(FILES):
        table = pa.Table.from_pandas(frame_of(ROWS, index + 1), preserve_index=False)
        path = folder / f"day={index % 3}" / f"rows-{index:02d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=700)
    return folder


@pytest.fixture(scope="module")
def undisturbed(stack: Stack, tables: Path) -> Path:
    """The output of a run that nothing ended."""
    target = stack.folder / "undisturbed"
    assert stack.score(tables, target)["scored"] == ROWS * FILES
    return target


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_parquet_gets_the_models_own_answers_and_is_not_scored_twice(
    stack: Stack, tables: Path, undisturbed: Path
) -> None:
    frame = pd.concat([pd.read_parquet(path) for path in sorted(tables.rglob("*.parquet"))], ignore_index=True)
    parts = sorted(undisturbed.glob("part-*.parquet"))
    scored = pa.concat_tables([pq.read_table(path) for path in parts])
    assert scored["prediction"].to_pylist() == stack.estimator.predict(frame).tolist()
    np.testing.assert_allclose(scored["predict_proba"].to_pylist(), stack.estimator.predict_proba(frame), rtol=1e-9)
    assert set(scored["model_version"].to_pylist()) == {stack.version}

    again = stack.score(tables, undisturbed, "--at", stack.version[:12])
    assert (again["rows"], again["scored"], again["parts"]) == (ROWS * FILES, 0, len(parts))
    footer = pq.read_metadata(parts[0]).metadata
    assert footer[b"changeover.model_version"].decode() == stack.version
    assert footer[b"changeover.run"].decode() == again["run"]
    assert json.loads((undisturbed / "_SUCCESS").read_bytes())["rows"] == ROWS * FILES
    recorded = json.loads(stack.store.bucket(bucket=BUCKET).read(bulk_key("loan", again["run"]), 10_000))
    assert (recorded["version"], recorded["rows"]) == (stack.version, ROWS * FILES)


def test_a_run_that_is_killed_and_started_again_gives_the_same_bytes(
    stack: Stack, tables: Path, undisturbed: Path
) -> None:
    target, draw = stack.folder / "killed", random.Random(17)
    scored = 0
    for wanted in sorted(draw.sample(range(1, FILES - 1), 2)):
        process = stack.start(tables, target)
        wait_until(lambda wanted=wanted: len([*target.glob("part-*")]) >= wanted, 60, f"{wanted} parts")  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (target / "_SUCCESS").exists()
    bucket = stack.store.bucket(bucket=BUCKET)
    held = [parse_hold(item.key) for item in bucket.list(holds_prefix("loan"))]
    assert {(hold.version, hold.name[:6]) for hold in held if hold} == {(stack.version, "score-")}, (
        "a day to start it again"
    )
    left = FILES - len([*target.glob("part-*")])
    scored = stack.score(tables, target)["scored"]
    assert scored <= left * ROWS < ROWS * FILES
    assert files_in(target) == files_in(undisturbed)
    assert len(list(bucket.list(holds_prefix("loan")))) == len(held), "a run that came to its end holds nothing"


def test_csv_goes_from_a_bucket_to_a_bucket_with_the_columns_to_keep(stack: Stack) -> None:
    bucket = stack.store.bucket(bucket=BUCKET)
    frame = frame_of(500, 99)
    bucket.create(
        "tables/new/a.csv", frame.assign(id=[f"{row:04d}" for row in range(500)]).to_csv(index=False).encode()
    )
    address = f"s3://{BUCKET}/tables"

    done = stack.score(f"{address}/new", f"{address}/scored", "--keep", "id", "--at", 1)

    names = [item.key for item in bucket.list("tables/scored/")]
    (part,) = [name for name in names if "/part-" in name]
    assert "tables/scored/_SUCCESS" in names
    scored = pd.read_csv(stack.folder / _written(stack, bucket, part), dtype={"id": str})
    assert list(scored) == ["id", "prediction", "predict_proba", "model_version"]
    assert (scored["id"].tolist()[-1], done["rows"]) == ("0499", 500)
    assert scored["prediction"].tolist() == stack.estimator.predict(frame).tolist()
    assert stack.score(f"{address}/new", f"{address}/scored", "--keep", "id")["scored"] == 0


def _written(stack: Stack, bucket: Bucket, key: str) -> str:
    (stack.folder / "part.csv").write_bytes(bucket.read(key, 1 << 20))
    return "part.csv"


def test_a_model_without_a_twin_is_asked_in_a_confined_process(stack: Stack) -> None:
    path, target = stack.folder / "alone.csv", stack.folder / "alone"
    path.write_text("age,income\n30,20000\n50,45000\n")

    stack.score(path, target, "--model", "alone", "--format", "parquet")

    (part,) = target.glob("part-*")
    assert pq.read_table(part)["prediction"].to_pylist() == ["no", "yes"]


def test_a_row_that_does_not_fit_is_named_by_file_row_and_column(stack: Stack) -> None:
    folder, target = stack.folder / "faulty", stack.folder / "nothing"
    folder.mkdir()
    frame = frame_of(1500, 5)
    frame.loc[1234, "age"] = None
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "b.parquet", row_group_size=500)

    refused = stack.score(folder, target)

    assert "b.parquet, row 1234, column age: " in refused["error"]
    assert not list(target.glob("part-*"))


def test_wrong_bytes_publish_nothing(stack: Stack, tables: Path) -> None:
    bucket = stack.store.bucket(bucket=BUCKET)
    twin = Client(stack.server.url, token=PUBLISH_TOKEN).manifest(stack.version, "loan")["twin"]
    key = twin_key("loan", stack.version, twin["sha256"])  # type: ignore[index, call-overload, arg-type]
    good = bucket.read(key, 1 << 24)
    bucket.write(key, good[:-1] + b"x")
    try:
        refused = stack.score(tables, stack.folder / "wrong", cache=stack.folder / "fresh")
    finally:
        bucket.write(key, good)
    assert "SHA-256" in refused["error"] or "promised" in refused["error"]
    assert not (stack.folder / "wrong").exists()

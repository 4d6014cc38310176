"""Spark and Dask score by the versions of a model_server: the model's own answers, by one hash, of verified bytes.

The programs run in an environment of their own, with one Spark session on two cores.
"""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, scale

from changeover import Client
from object_store import keys
from tests.conftest import PATIENCE
from tests.engines.environment import make, variables
from tests.integration.dialects.models import R1, R2, churn
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store

HERE = Path(__file__).parent
ROWS = 400
pytestmark = pytest.mark.spark


@dataclass
class Outcome:
    """The rows, the models, the versions, what each case of Spark came to, and what model_server was asked for."""

    folder: Path
    rows: pd.DataFrame
    models: dict[str, Any]
    versions: dict[str, str]
    cases: dict[str, Any]
    asked: str

    def downloads(self, version: str, what: str) -> int:
        return len(re.findall(rf"/versions/{version}/{what}\b", self.asked))


def table() -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame([R1, R2] * (ROWS // 2))
    frame["age"] = random.integers(20, 60, ROWS)
    frame["income"] = random.normal(42_000, 8_000, ROWS)
    frame.loc[frame.index % 7 == 0, "income"] = np.nan
    return frame.assign(id=[f"row {number}" for number in range(ROWS)], note="of no model")


def models() -> dict[str, Any]:
    first = joblib.load(io.BytesIO(churn()[0]))
    inputs = table()[list(R1)].dropna()
    labels = np.where(inputs.age > 40, "yes", "no")
    second = joblib.load(io.BytesIO(churn()[0])).fit(inputs, labels)
    parts = ColumnTransformer([("plan", OneHotEncoder(sparse_output=False), ["plan"]), ("age", "passthrough", ["age"])])
    centroid = make_pipeline(parts, NearestCentroid()).fit(inputs, np.where(inputs.age > 30, 1, 0))
    damaged = make_pipeline(parts, NearestCentroid()).fit(inputs, labels)
    ranks = make_pipeline(FunctionTransformer(scale), NearestCentroid())
    together = ranks.fit(inputs[["age", "income"]], labels)
    return {"churn": first, "second": second, "neighbours": centroid, "damaged": damaged, "together": together}


def published(client: Client) -> dict[str, str]:
    """The versions of all models, rolled; the second of `churn` is not."""
    versions = {}
    for name, model in models().items():
        example = table()[list(R1)].dropna()
        example = example[["age", "income"]] if name == "together" else example
        of = "churn" if name == "second" else name
        versions[name] = client.publish(model, of, example=example, roll=name != "second").version
    return versions


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("engines") / "packages")


@pytest.fixture(scope="module")
def server(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = tmp_path_factory.mktemp("server")
    with Store("seaweed", folder) as store:
        store.bucket()
        with ModelServer(store, "models", folder, {"RUNTIME": "onnx", "DEFAULT_MODEL": "churn"}) as running:
            yield running


@pytest.fixture(scope="module")
def outcome(packages: Path, server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    client = Client(server.url, token=PUBLISH_TOKEN)
    versions = published(client)
    flip(server, versions["damaged"])
    folder = tmp_path_factory.mktemp("spark")
    table().to_parquet(folder / "rows.parquet")
    words = {"server_url": server.url, "token": PUBLISH_TOKEN, "folder": str(folder), "second": versions["second"]}
    cases = run(packages, "run_spark.py", {**words, "rows": str(folder / "rows.parquet")}, folder)
    return Outcome(folder, table(), models(), versions, cases, server.log)


def flip(server: ModelServer, version: str) -> None:
    """Flip the last bit of an artifact in the bucket."""
    bucket = server.store.bucket(bucket=server.bucket)
    key = keys.artifact_key("damaged", version)
    content = bytearray(bucket.read(key, 1 << 24))
    content[-1] ^= 1
    bucket.write(key, bytes(content), "application/octet-stream")


def run(packages: Path, program: str, words: dict[str, Any], folder: Path) -> Any:
    """What a program prints last, from JSON."""
    done = subprocess.run(
        [sys.executable, str(HERE / program), json.dumps(words)],
        env={**variables(packages), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 300,
        check=False,
    )
    assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def check_answers(found: pd.DataFrame, outcome: Outcome, model: str, version: str) -> None:
    """The answers are those of the library itself, to each row one."""
    assert len(found) == ROWS
    ordered = found.set_index("id").loc[outcome.rows["id"]]
    inputs = outcome.rows[list(R1)]
    assert ordered["prediction"].tolist() == outcome.models[model].predict(inputs).tolist()
    np.testing.assert_allclose(
        np.stack(ordered["predict_proba"].tolist()), outcome.models[model].predict_proba(inputs), atol=1e-6
    )
    assert set(ordered["model_version"]) == {outcome.versions[version]}


def test_spark_answers_as_the_model_itself_and_keeps_all_columns(outcome: Outcome) -> None:
    names = [*R1, "id", "note", "prediction", "predict_proba", "model_version"]
    assert outcome.cases["answers"] == names
    check_answers(pq.read_table(outcome.folder / "all").to_pandas(), outcome, "churn", "churn")


def test_a_model_without_a_twin_is_asked_in_a_confined_process(outcome: Outcome, server: ModelServer) -> None:
    manifest = Client(server.url, token=PUBLISH_TOKEN).manifest(outcome.versions["neighbours"], "neighbours")
    assert not (manifest.get("twin") or {}).get("sha256")
    types = {"id": "string", "prediction": "bigint", "predict_proba": "array<double>", "model_version": "string"}
    assert outcome.cases["kept"] == [[name, kind] for name, kind in types.items()]
    check_answers(pq.read_table(outcome.folder / "kept").to_pandas(), outcome, "neighbours", "neighbours")


def test_a_node_downloads_a_version_once(outcome: Outcome) -> None:
    assert outcome.downloads(outcome.versions["churn"], "twin") == 1
    assert outcome.downloads(outcome.versions["neighbours"], "artifact") == 1


def test_a_roll_changes_no_dataframe_that_is_there(outcome: Outcome) -> None:
    first, second = outcome.versions["churn"], outcome.versions["second"]
    assert outcome.cases["old"] == [[first], [second]]
    assert outcome.cases["at"] == [[first], [second]]


def test_wrong_bytes_fail_the_job_by_their_hash_and_leave_no_rows(outcome: Outcome) -> None:
    error, files, is_done = outcome.cases["damaged"]
    assert "DigestMismatch" in error
    assert outcome.versions["damaged"] in error
    assert (files, is_done) == ([], False)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("lacks_a_column", "ColumnsDiffer: the DataFrame has no column 'plan'; it has 'age', 'income', 'member'"),
        ("has_an_answer", "ColumnsDiffer: the column 'prediction' would be there twice"),
        ("depends", "RowsDepend: an answer of together "),
    ],
)
def test_what_cannot_be_scored_is_refused_by_the_driver(outcome: Outcome, case: str, words: str) -> None:
    assert outcome.cases[case].startswith(words)


def test_a_row_at_fault_fails_the_job_with_its_column_and_place(outcome: Outcome) -> None:
    assert re.search(r"RequestFaults: row \d+, field age: ", outcome.cases["row_at_fault"])
    assert "rows are counted from 0 in batch" in outcome.cases["row_at_fault"]


def test_the_recipe_for_dask_gives_the_same_answers(packages: Path, server: ModelServer, outcome: Outcome) -> None:
    folder = outcome.folder
    words = {
        "http://model-server:5001": server.url,
        '"a-token-of-the-role-read"': repr(PUBLISH_TOKEN),
        'at="now"': 'at="1"',
        "/var/cache/changeover": str(folder / "dask-cache"),
        "rows/*.parquet": str(folder / "rows.parquet"),
        '"scored"': repr(str(folder / "dask")),
    }
    run(packages, "run_dask.py", {"words": words}, folder)
    check_answers(pq.read_table(folder / "dask").to_pandas(), outcome, "churn", "churn")

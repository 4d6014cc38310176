"""Drift from a publish to the report: counts of several workers, what ends they survive, and what they do not show."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover.cli.main import main
from changeover.client.client import Client
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

RNG = np.random.default_rng(1)
TOWNS = ("Ravenna-9131", "Tromso-4417")


def frame(rows: int, shift: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"age": RNG.normal(shift, 1.0, rows), "income": RNG.normal(size=rows), "town": RNG.choice(TOWNS, rows)}
    )


def fitted(strength: float = 1.0) -> Any:
    train = frame(1000)
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough")
    return make_pipeline(encoded, LogisticRegression(C=strength)).fit(train, train["age"] > 0)


@dataclass
class Stack:
    """A model_server and a predict_api of two workers, which serve `loan`; `sent` counts the rows."""

    server: ModelServer
    api: PredictApi
    client: Client
    sent: int = 0
    versions: list[str] = field(default_factory=list)

    def publish(self, strength: float) -> str:
        model, table = fitted(strength), frame(3000)
        predictions = model.predict_proba(table)
        published = self.client.publish(
            model, "loan", example=table, reference=table, reference_predictions=predictions, roll=True
        )
        assert published.state == "current"
        self.versions.append(published.version)
        return published.version

    def send(self, table: pd.DataFrame) -> None:
        """Send the rows in requests of 50, on connections of their own, so that each worker gets some."""
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        for start in range(0, len(rows), 50):
            assert self.api.predict(rows[start : start + 50]).status_code == 200
        self.sent += len(rows)

    def report(self, version: str | None = None) -> dict[str, Any]:
        return dict(self.client.drift("loan", version or self.versions[-1]))

    def seen(self, version: str | None = None) -> int:
        """The rows of all windows: an hour may have ended meanwhile."""
        body = self.report(version)
        windows = [body["window"], *([body["running"]] if body["running"] else []), *body["earlier"]]
        return sum(window["seen"] for window in windows)


@pytest.fixture(scope="module")
def stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("drift")
    settings = {"WORKERS": "2", "REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": "loan"}
    with ModelServer(seaweed, "drift", folder) as server, PredictApi(server.url, folder, **settings) as api:
        stack = Stack(server, api, Client(server.url, token=PUBLISH_TOKEN))
        stack.publish(1.0)
        wait_until(lambda: api.get("/models/loan").status_code == 200, 10, "predict_api knows loan")
        yield stack


def test_quiet_rows_of_two_workers_are_counted_once_each(stack: Stack) -> None:
    stack.send(frame(600))
    wait_until(lambda: stack.seen() == stack.sent, 10, "all rows are counted")
    body = stack.report()
    assert (body["verdict"], body["sentences"]) == ("unchanged", [])
    assert body["reference"] == {"n": 3000, "origin": "reference", "predictions": 3000, "left_out": 0}
    assert {shift["name"] for shift in body["columns"]} == {"age", "income", "town"}
    assert {shift["name"] for shift in body["predictions"]} >= {"prediction", "highest probability"}


def test_a_restart_of_model_server_loses_no_counts_of_workers_that_run(stack: Stack) -> None:
    stack.server.end()
    stack.server.start()
    wait_until(lambda: stack.seen() == stack.sent, 20, "the workers send the hour again")


def test_the_end_of_a_worker_by_sigkill_loses_the_last_second_at_most(stack: Stack) -> None:
    before = stack.sent
    stack.send(frame(100))
    worker = stack.api.workers()[0]
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    lost_at_most = stack.sent - before
    wait_until(lambda: len(stack.api.workers()) == 2, 20, "the worker is replaced")
    stack.send(frame(100))
    wait_until(lambda: stack.seen() >= stack.sent - lost_at_most, 10, "the rows after it are counted")
    assert stack.seen() <= stack.sent


def test_a_shift_and_a_new_category_are_reported(stack: Stack) -> None:
    table = frame(2000, shift=1.0)
    table.loc[::10, "town"] = "Oslo-2288"
    stack.send(table)
    body = wait_until(lambda: (found := stack.report())["verdict"] == "changed" and found, 10, "it changed")
    changed = {shift["name"] for shift in body["columns"] if shift["changed"]}
    assert changed == {"age"}
    assert [(each["name"], each["what"]) for each in body["quality"] if each["changed"]] == [("town", "unseen")]
    assert body["sentences"][0].startswith("town: ")
    assert any(shift["changed"] for shift in body["predictions"])


def test_the_command_prints_the_same(stack: Stack) -> None:
    environment = {"CHANGEOVER_TOKEN": PUBLISH_TOKEN, "CHANGEOVER_PREDICT_URL": "http://127.0.0.1:1"}
    result = CliRunner().invoke(main, ["drift", "loan", "--server-url", stack.server.url], env=environment)
    assert result.exit_code == 0, result.output
    assert re.search(r"loan [0-9a-f]{12}: changed, \d+ rows from .* \(not over yet\)|loan .*: changed", result.stdout)
    assert re.search(r"age moved up by 0\.\d\d standard deviations", result.stdout)
    assert re.search(r"^age +\d\.\d{3} +0\.\d{3} +0\.\d{3} +changed$", result.stdout, re.MULTILINE)


def test_metrics_have_the_index_and_no_values(stack: Stack) -> None:
    def exposition() -> str:
        return stack.server.get("/metrics").text

    wait_until(lambda: 'changeover_drift_psi{column="age",model="loan"}' in exposition(), 15, "the gauge is set")
    text = exposition()
    assert 'changeover_drift_line{column="age",model="loan"}' in text
    unseen = re.search(r'changeover_unseen_total\{model="loan"\} (\S+)', text)
    assert unseen is not None
    assert float(unseen[1]) >= 200
    assert 'changeover_missing_total{model="loan"} 0.0' in text
    assert [town for town in (*TOWNS, "Oslo") if town in text] == []


def test_the_report_needs_a_token_and_callers_of_predict_api_see_nothing_of_the_reference(stack: Stack) -> None:
    assert stack.server.get("/models/loan/drift", token=None).status_code == 401
    assert stack.server.get("/models/loan/drift", token=REPORT_TOKEN).status_code == 403
    pages = [stack.api.get(path).text for path in ("/models/loan", "/models", "/openapi.json", "/metrics")]
    assert [page for page in pages if "reference" in page or TOWNS[0] in page] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("window=7m", 400), ("window=x", 400), ("version=00000000", 404), ("version=", 422), ("window=10m", 200)],
)
def test_a_window_is_a_part_of_an_hour_or_whole_hours(stack: Stack, query: str, status: int) -> None:
    assert stack.server.get(f"/models/loan/drift?{query}").status_code == status


def test_after_a_roll_the_new_version_is_compared_with_the_former_one(stack: Stack) -> None:
    former = stack.versions[-1]
    stack.publish(0.001)  # nearly the same probability for all
    stack.send(frame(600, shift=1.0))
    rolled = wait_until(
        lambda: (found := stack.report()["after_roll"])["rows"] >= 600 and found, 10, "by its bins, too"
    )
    assert (rolled["previous"], rolled["verdict"], rolled["not_compared"]) == (former, "changed", [])
    assert any(shift["name"] == "highest probability" and shift["changed"] for shift in rolled["predictions"])
    assert {shift["name"]: shift["changed"] for shift in rolled["columns"]}["income"] is False
    assert len(rolled["columns"]) == 3  # in the bins of the former version, which are others
    assert stack.report(former)["after_roll"] is None


def test_a_version_without_a_reference_says_how_to_get_one(stack: Stack, tmp_path: Path) -> None:
    published = stack.client.publish(fitted(3.0), "plain", example=frame(100), reference=False, roll=True)
    body = stack.client.drift("plain", published.version)
    assert body["verdict"] == "no reference"
    assert "reference=" in str(body["sentences"])


def test_push_takes_the_reference_and_its_predictions_from_tables(stack: Stack, tmp_path: Path) -> None:
    model, table = fitted(0.5), frame(400)
    joblib.dump(model, tmp_path / "model.joblib")
    table.to_csv(tmp_path / "rows.csv", index=False)
    pd.DataFrame(model.predict_proba(table)).to_csv(tmp_path / "answers.csv", index=False)
    words = ["push", str(tmp_path / "model.joblib"), "-m", "pushed", "--reference", str(tmp_path / "rows.csv")]
    words += ["--reference-predictions", str(tmp_path / "answers.csv"), "--server-url", stack.server.url]
    result = CliRunner().invoke(main, words, env={"CHANGEOVER_TOKEN": PUBLISH_TOKEN})
    assert result.exit_code == 0, result.output
    (version,) = stack.client.versions("pushed")
    reference: Any = stack.client.manifest(str(version["version"]), "pushed")["reference"]
    assert (reference["n"], reference["origin"], reference["predictions"]["n"]) == (400, "reference", 400)

"""The console shows whether inputs and answers changed: a sentence, columns with their bins, answers of a roll."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LogisticRegression

from changeover.client.client import Client
from changeover.drift.reference import digest_of, read_reference
from changeover.estimator.scores import Scores
from changeover.protocol.drift_counts import HourCounts, ReplicaCounts
from changeover.protocol.replica_identity import new_identity
from changeover.protocol.wire import REPLICA_SECRET
from changeover.schema.schema import Schema
from model_server.drift.windows import hour_of
from tests.conftest import wait_until
from tests.html_page import Element
from tests.integration.console_pages import page
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.store import Store
from tests.unit.drift.samples import counted

RNG = np.random.default_rng(3)
COLUMNS = ["<b>age", "income", "debt"]
ROWS = 1000


def table(rows: int, shift: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(RNG.normal(size=(rows, 3)) + np.array([shift, 0.0, 0.0]), columns=COLUMNS)


@dataclass
class Served:
    """A model_server with the versions of `loan`, and a replica that sends counts of them."""

    server: ModelServer
    client: Client
    model: Any = None

    def roll(self, strength: float) -> str:
        train, reference = table(500), table(3000)
        model = LogisticRegression(C=strength).fit(train, train["<b>age"] > 0)
        predictions = model.predict_proba(reference)
        published = self.client.publish(
            model, "loan", example=train, reference=reference, reference_predictions=predictions, roll=True
        )
        assert published.state == "current"
        self.model = model
        return published.version

    def count(self, version: str, shift: float = 0.0, by: str | None = None) -> None:
        """Send the counts of ROWS rows, by the reference of another version if so."""
        manifest: Any = self.client.manifest(version, "loan")
        other: Any = self.client.manifest(by or version, "loan")
        reference, rows = read_reference(other["reference"]), table(ROWS, shift)
        scores = Scores(
            self.model.predict(rows).tolist(), self.model.predict_proba(rows).tolist(), self.model.classes_.tolist()
        )
        sums = counted(reference, Schema.from_json(manifest["schema"]), rows.to_numpy(), scores)
        identity = new_identity("host", 1)
        hour = hour_of(time.time())
        sent = ReplicaCounts(identity.id, [HourCounts("loan", version, digest_of(reference), hour, ROWS, ROWS, sums)])
        headers = {"Authorization": f"Bearer {REPORT_TOKEN}", REPLICA_SECRET: identity.secret}
        address = f"{self.server.url}/replicas/{identity.id}/counts"
        answer = requests.put(address, data=sent.encode(), headers=headers, timeout=30)
        assert answer.json() == {"not_stored": {}}

    def part(self) -> Element:
        return page(self.server, "/ui/models/loan").one("section", aria_labelledby="behaviour")

    def shows(self, text: str) -> Element:
        """The part, as soon as it has this text: a report is used again for 2 s."""
        return wait_until(lambda: found if text in (found := self.part()).text else None, 10, text)


@pytest.fixture(scope="module")
def served(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ModelServer(seaweed, "console-drift", tmp_path_factory.mktemp("server")) as server:
        yield Served(server, Client(server.url, token=PUBLISH_TOKEN))


@pytest.fixture(scope="module")
def first(served: Served) -> str:
    version = served.roll(1.0)
    assert "Too few rows to tell" in served.part().text
    served.count(version, shift=1.0)
    return version


def test_a_column_that_changed_is_shown_with_its_bins_and_its_line(served: Served, first: str) -> None:
    part = served.shows("1 of 3 columns and the answers changed against the reference.")
    assert "1,000 rows since" in part.text
    assert "3,000 in the reference" in part.text
    (figure,) = (each for each in part.all("figure") if "<b>age" in each.text)
    assert "<b>age changed" in figure.text
    assert "moved up by " in figure.text
    assert "in 1 of 100 windows. 1,000 values against 3,000." in figure.text
    chart = figure.one("svg", role="img")
    assert chart.attributes["aria-label"].startswith("<b>age by bins, in the reference and now; above ")
    assert len(list(chart.all("title"))) == 10
    assert len(list(chart.all("rect"))) == 20
    assert "Answers, in the reference and now" in part.text
    assert list(part.all("b")) == [each for f in part.all("figure") for each in f.all("b")]


def test_the_twin_has_the_bins(served: Served, first: str) -> None:
    served.shows("changed against the reference")
    drift = served.server.get("/ui/models/loan.json").json()["behaviour"]["drift"]
    assert (drift["level"], drift["columns_changed"], drift["columns_compared"]) == ("amber", 1, 3)
    column = drift["inputs"]["columns"][0]
    assert column["psi"] > column["line"] > 0
    assert sum(each["share"] for each in column["bins"]) == pytest.approx(1.0)
    prediction, highest = drift["answers"]["distributions"]
    assert [each["bin"] for each in prediction["bins"]] == ["False", "True"]
    assert (highest["name"], len(highest["bins"])) == ("highest probability", 20)


def test_answers_before_and_after_a_roll_are_shown_side_by_side(served: Served, first: str) -> None:
    second = served.roll(2.0)
    for by in (first, second):
        served.count(second, by=by)
    part = served.shows("Answers, before and after the roll")
    assert f"by {first[:12]}" in part.text
    assert "1 of 3 columns and the answers changed with the roll." in part.text
    assert "The column that moved most" in part.text

"""REQUIRE_CONFINEMENT: models run where every measure holds; elsewhere none does, and each service says why."""

import sys
from pathlib import Path

import pytest

from changeover.cli.doctor.services import check_predict
from changeover.stack import Stack
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.wire_stub import WireStub

REQUIRED = {"REQUIRE_CONFINEMENT": "true"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="the measures are those of Linux")


class PredictApiWithoutLandlock(PredictApi):
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.integration.without_landlock", "predict_api"]


class ModelServerWithoutLandlock(ModelServer):
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.integration.without_landlock", "model_server"]


def findings(api: PredictApi) -> dict[str, tuple[bool, str]]:
    """What `changeover doctor` says of it."""
    stack = Stack([api.url], "http://127.0.0.1:1")
    return {finding.name: (finding.ok, finding.detail) for finding in check_predict(stack)}


@linux
def test_a_model_runs_where_every_measure_holds(stub: WireStub, tmp_path: Path) -> None:
    with PredictApi(stub.url, tmp_path, **REQUIRED) as api:
        assert api.predict().json()["prediction"] == 1
        measures = api.get("/readyz").json()["confinement"]
        assert all(measures.values()), measures
        assert findings(api)["confinement"] == (True, f"models are confined at {api.url}")


@linux
def test_a_replica_where_a_required_measure_does_not_hold_runs_no_model_and_names_it(
    stub: WireStub, tmp_path: Path
) -> None:
    with PredictApiWithoutLandlock(stub.url, tmp_path, **REQUIRED) as api:
        wait_until(lambda: "landlock" in api.get("/readyz").text, what="the reason")
        ready = api.get("/readyz")
        assert (ready.status_code, api.predict().status_code) == (503, 503)
        assert ready.json()["detail"].endswith("these measures do not hold on this system: landlock")
        reasons = [event["reason"] for event in api.events("replica.prepare_failed")]
        assert any("landlock" in reason for reason in reasons), api.log


@linux
def test_a_replica_that_requires_no_measure_says_which_one_does_not_hold(stub: WireStub, tmp_path: Path) -> None:
    with PredictApiWithoutLandlock(stub.url, tmp_path) as api:
        assert api.predict().json()["prediction"] == 1
        measures = api.get("/readyz").json()["confinement"]
        assert [measure for measure, holds in measures.items() if not holds] == ["landlock"]
        assert {tuple(event["missing"]) for event in api.events("runner.confined")} == {("landlock",)}
        assert findings(api)["confinement"] == (False, f"models run without landlock at {api.url}")


@linux
def test_model_server_examines_nothing_where_a_required_measure_does_not_hold(
    seaweed: Store, bucket_name: str, tmp_path: Path
) -> None:
    with ModelServerWithoutLandlock(seaweed, bucket_name, tmp_path, REQUIRED) as server:
        refused = server.publish(a_model(1))
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:changeover:cannot-examine")
        assert "do not hold on this system: landlock" in refused.json()["detail"]
        assert refused.headers["Retry-After"]
        assert server.get("/models/loan/versions").status_code == 404
        assert server.get("/readyz").json()["confinement"]["landlock"] is False

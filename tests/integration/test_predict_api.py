"""Requests to predict_api and its responses: shapes, headers, problems."""

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import LABELS, ROW, tiny
from tests.wire_stub import WireStub, running_stub

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        for model in ("default", "other"):
            stub.roll(model, stub.publish(model, *tiny(3 if model == "default" else 4)))
        yield stub


@pytest.fixture(scope="module")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    folder: Path = tmp_path_factory.mktemp("predict")
    with PredictApi(stub.url, folder, MAX_BODY_BYTES="100000", MAX_ROWS="50") as api:
        yield api


def test_one_row_is_answered_as_one(api: PredictApi, stub: WireStub) -> None:
    answer = api.predict()
    version = stub.currents["default"].version
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": 3,
        "predict_proba": [1.0 if label == 3 else 0.0 for label in LABELS],
        "classes": LABELS,
        "model_version": version,
    }
    headers = [answer.headers.get(name) for name in ("Model-Name", "Model-Version", "Model-Sequence", "Model-Stale")]
    assert headers == ["default", version, "1", None]


def test_a_batch_is_answered_in_order_with_the_inputs_if_asked_for(api: PredictApi) -> None:
    answer = api.predict([ROW, {"b": "7", "a": "1.25"}], "/predict?include=inputs").json()
    assert [row["prediction"] for row in answer["predictions"]] == [3, 3]
    assert [row["inputs"] for row in answer["predictions"]] == [{"a": 1.5, "b": 2.0}, {"a": 1.25, "b": 7.0}]
    assert set(answer) == {"predictions", "classes", "model_version"}


@pytest.mark.parametrize(
    "body",
    [
        {"columns": ["b", "a"], "data": [[1, 2], [3, 4]]},
        {"a": [1, 2], "b": [3, 4]},
        {"a": {"0": 1, "1": 2}, "b": {"0": 1, "1": 2}},
    ],
)
def test_column_forms_are_batches(api: PredictApi, body: object) -> None:
    assert len(api.predict(body).json()["predictions"]) == 2


@pytest.mark.parametrize(
    "body",
    [{"columns": ["b", "a"], "data": [[1, 2]]}, {"a": [1], "b": [3]}, {"a": {"0": 1}, "b": {"0": 1}}],
)
@pytest.mark.parametrize("query", ["", "?include=inputs"])
def test_column_forms_of_one_row_are_batches(api: PredictApi, body: object, query: str) -> None:
    assert len(api.predict(body, f"/predict{query}").json()["predictions"]) == 1


def test_the_envelope_of_another_server_is_a_problem_with_the_next_step(api: PredictApi) -> None:
    answer = api.predict({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}})
    assert answer.status_code == 422
    assert 'send its content, {"columns": ..., "data": ...}, alone' in answer.json()["detail"]


@pytest.mark.parametrize("path", ["//predict", "//models/default/predict", "/models//default/predict"])
def test_a_path_with_two_slashes_in_a_row_is_a_404(api: PredictApi, path: str) -> None:
    answer = api.predict(path=path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:changeover:no-route")


def test_every_model_that_has_a_current_version_is_served(api: PredictApi) -> None:
    assert api.predict(path="/models/other/predict").json()["prediction"] == 4
    assert [model["model"] for model in api.get("/models").json()["models"]] == ["default", "other"]


def test_a_model_that_appears_is_served_at_its_first_request(api: PredictApi, stub: WireStub) -> None:
    stub.roll("late", stub.publish("late", *tiny(5)))
    try:
        assert api.predict(path="/models/late/predict").status_code in {200, 503}
        wait_until(lambda: api.predict(path="/models/late/predict").status_code == 200)
    finally:
        del stub.currents["late"]


@pytest.mark.parametrize("model", ["nobody", "No%20Name", "x" * 70])
def test_an_unknown_model_is_a_404(api: PredictApi, model: str) -> None:
    answer = api.predict(path=f"/models/{model}/predict")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
    assert answer.json()["type"] == "urn:changeover:unknown-model"


def test_a_model_is_described(api: PredictApi, stub: WireStub) -> None:
    described = api.get("/models/default").json()
    assert described["version"] == stub.currents["default"].version
    assert [column["name"] for column in described["schema"]["columns"]] == ["a", "b"]
    assert (described["classes"], described["metrics"], described["warnings"]) == (LABELS, {"f1": 0.1}, [])


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"a": NaN, "b": 1}', {}, 400),
        (b'{"a": 1, "a": 1, "b": 1}', {}, 400),
        (b"\xff", {}, 400),
        (b"", {}, 400),
        (json.dumps(ROW).encode(), {"Content-Type": "text/plain"}, 415),
        (json.dumps(ROW).encode(), {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (json.dumps(ROW).encode(), {"Content-Type": ""}, 415),
        (json.dumps(ROW).encode(), {"Content-Type": "application/json; charset=latin-1"}, 415),
        (gzip.compress(json.dumps(ROW).encode(), mtime=0), {"Content-Encoding": "gzip"}, 415),
        (b" " * 100_001, {}, 413),
        (b'{"a": 1}', {}, 422),
        (b'{"a": 1, "b": 2, "c": 3}', {}, 422),
        (b'{"a": "many", "b": 2}', {}, 422),
        (json.dumps([ROW] * 51).encode(), {}, 422),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    api: PredictApi, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = requests.post(
        f"{api.url}/predict", data=body, headers={"Content-Type": "application/json", **headers}, timeout=30
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert answer.json()["detail"]


def test_a_json_dialect_is_json(api: PredictApi) -> None:
    headers = {"Content-Type": "application/vnd.example+json; charset=UTF-8"}
    assert requests.post(f"{api.url}/predict", json.dumps(ROW), headers=headers, timeout=30).status_code == 200


def test_every_fault_of_a_request_is_listed_with_its_row_and_field(api: PredictApi) -> None:
    problem = api.predict([ROW, {"a": "many", "c": 1}]).json()
    assert [(fault["row"], fault["field"]) for fault in problem["errors"]] == [(1, "a"), (1, "b"), (1, "c")]


def test_a_body_too_large_is_refused_in_chunks_as_well(api: PredictApi) -> None:
    chunks = (b" " * 10_000 for _ in range(30))
    headers = {"Content-Type": "application/json"}
    assert requests.post(f"{api.url}/predict", data=chunks, headers=headers, timeout=30).status_code == 413


def test_chunks_within_the_bound_are_read_whole(api: PredictApi) -> None:
    chunks = iter([b'{"a": 1, ', b'"b": 2}'])
    headers = {"Content-Type": "application/json"}
    assert requests.post(f"{api.url}/predict", data=chunks, headers=headers, timeout=30).status_code == 200


def test_an_unknown_include_is_a_400(api: PredictApi) -> None:
    assert api.predict(path="/predict?include=everything").status_code == 400


def test_other_methods_and_paths_are_problems_too(api: PredictApi) -> None:
    for answer, status in ((api.get("/predict"), 405), (api.get("/no/such/path"), 404)):
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert "POST" in api.get("/predict").headers["Allow"]


def test_a_request_id_is_echoed_or_made(api: PredictApi) -> None:
    assert api.predict(headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"
    generated = api.predict(headers={"X-Request-Id": 'no "such" id'}).headers["X-Request-Id"]
    assert len(generated) == 32
    api.predict({"no": "such field"}, headers={"X-Request-Id": "mine-2"})
    wait_until(lambda: any(event.get("request_id") == "mine-2" for event in api.events("request.answered")))
    logged = [event.get("request_id") for event in api.events("request.answered")]
    assert "mine-1" not in logged  # a success is logged at debug only


def test_health_makes_no_call_to_model_server(api: PredictApi, stub: WireStub) -> None:
    before = stub.calls["health"]
    assert api.get("/livez").json() == {"status": "alive"}
    ready = api.get("/readyz")
    assert (ready.status_code, ready.json()["stale"]) == (200, [])
    assert stub.calls["health"] == before


def test_metrics_add_up_all_workers(api: PredictApi) -> None:
    def answered() -> float:
        lines = api.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("changeover_requests_total{"))

    before = answered()
    for _ in range(20):
        api.predict()  # each on a new connection, so by any worker
    wait_until(lambda: answered() == before + 20, what="each request is counted once")


def test_keep_alive_serves_request_after_request(api: PredictApi) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(api.url.rsplit(":", 1)[1]), timeout=30)
    for body, status in ((b"{", 400), (json.dumps(ROW).encode(), 200), (b"[]", 200)):
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.read() != b"") == (status, True)
    connection.close()

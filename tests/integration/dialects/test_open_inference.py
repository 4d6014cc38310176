"""The Open Inference Protocol over HTTP: the requests that its clients send, and the answers that they rely on."""

import json
from typing import Any

import pytest
import requests

from changeover.protocol import wire
from tests.conftest import wait_until
from tests.integration.dialects.conftest import MOST_BYTES, MOST_ROWS
from tests.integration.dialects.inference import COLUMNS, LENGTH, WINE, infer, post, refused, with_tensor
from tests.integration.dialects.models import R1
from tests.processes.predict_api import PredictApi
from tests.wire_stub import WireStub


def test_health_says_what_the_clients_read(api: PredictApi) -> None:
    live, ready = api.get("/v2/health/live"), api.get("/v2/health/ready")
    assert (live.status_code, live.json()["live"]) == (200, True)
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


def test_a_model_is_ready_by_its_status(api: PredictApi) -> None:
    version = api.get("/models/churn").json()["version"]
    for path in ("churn", f"churn/versions/{version}", f"churn/versions/{version[:8]}"):
        assert api.get(f"/v2/models/{path}/ready").json() == {"name": "churn", "ready": True}
    refused(api.get("/v2/models/nope/ready"), 404, "nope")
    refused(api.get("/v2/models/churn/versions/12345678/ready"), 404, "not at 12345678")


def test_an_unknown_model_has_no_metadata(api: PredictApi) -> None:
    refused(api.get("/v2/models/nope"), 404, "nope")
    assert requests.head(f"{api.url}/v2/models/nope", timeout=30).status_code == 404


def test_metadata_names_columns_and_outputs(api: PredictApi) -> None:
    answer = api.get("/v2/models/churn")
    body = answer.json()
    assert {tensor["name"]: tensor["datatype"] for tensor in body["inputs"]} == {
        "age": "INT64", "income": "FP64", "plan": "BYTES", "member": "BOOL"
    }  # fmt: skip
    assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in body["outputs"]] == [
        ("predict", "BYTES", [-1, 1]), ("predict_proba", "FP64", [-1, 2])
    ]  # fmt: skip
    assert body["versions"] == [answer.headers[wire.MODEL_VERSION]]
    assert api.get(f"/v2/models/churn/versions/{body['versions'][0]}").json() == body
    assert [tensor["datatype"] for tensor in api.get("/v2/models/wine").json()["outputs"]] == ["INT64", "FP64"]


def test_the_server_and_its_models_are_listed(api: PredictApi) -> None:
    assert api.get("/v2").json()["extensions"] == api.get("/v2/").json()["extensions"] == ["binary_tensor_data"]
    assert api.get("/v2/models").json() == {"models": ["churn", "wine"]}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}'])
def test_the_index_of_the_repository_takes_an_empty_body(api: PredictApi, body: bytes) -> None:
    answer = requests.post(f"{api.url}/v2/repository/index", data=body, timeout=30)
    version = api.get("/models/churn").json()["version"]
    assert answer.json()[0] == {"name": "churn", "version": version, "state": "READY", "reason": ""}


def test_orders_are_refused_with_the_place_to_send_them(api: PredictApi) -> None:
    for order in ("load", "unload"):
        answer = requests.post(f"{api.url}/v2/repository/models/churn/{order}", timeout=30)
        refused(answer, 405, "model_server", "/models/churn/rollouts")
    refused(api.get("/v2/models/churn/infer"), 405)
    refused(api.get("/v2/models/churn/config"), 404)


def test_columns_are_answered_by_labels_and_probabilities(api: PredictApi) -> None:
    answer = infer(api, {"id": "42", "parameters": {"content_type": "pd"}, "inputs": COLUMNS})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["model_name"]) == ("42", "churn")
    assert body["model_version"] == answer.headers[wire.MODEL_VERSION]
    assert wire.MODEL_STALE not in answer.headers
    assert body["outputs"][0]["data"] == ["yes", "no"]
    same = api.predict(R1).json()
    assert body["outputs"][1]["data"][:2] == pytest.approx(same["predict_proba"])
    assert infer(api, {"inputs": COLUMNS}).json()["id"]


def test_shapes_order_and_nesting_of_columns_do_not_matter(api: PredictApi) -> None:
    nested = [{**tensor, "shape": [2, 1], "data": [[cell] for cell in tensor["data"]]} for tensor in COLUMNS]
    for inputs in (nested[::-1], [{**tensor, "shape": [2, 1]} for tensor in COLUMNS[::-1]]):
        assert infer(api, {"inputs": inputs}).json()["outputs"][0]["data"] == ["yes", "no"]


def test_one_row_is_answered_as_one_of_two(api: PredictApi) -> None:
    one = [{**tensor, "shape": [1], "data": tensor["data"][:1]} for tensor in COLUMNS]
    both, alone = infer(api, {"inputs": COLUMNS}).json(), infer(api, {"inputs": one}).json()
    assert alone["outputs"][0] == {**both["outputs"][0], "shape": [1, 1], "data": ["yes"]}
    assert alone["outputs"][1]["data"] == pytest.approx(both["outputs"][1]["data"][:2])


def test_outputs_are_those_that_were_asked_for(api: PredictApi) -> None:
    names = [{"name": "predict"}, {"name": "predict_proba"}]
    labels, probabilities = infer(api, {"inputs": COLUMNS, "outputs": names}).json()["outputs"]
    assert (labels["shape"], probabilities["shape"], probabilities["datatype"]) == ([2, 1], [2, 2], "FP64")
    flat = probabilities["data"]
    assert [flat[0] + flat[1], flat[2] + flat[3]] == pytest.approx([1, 1])
    named = infer(api, {"inputs": COLUMNS, "outputs": [{"name": "output-0"}, {"name": "classes"}]}).json()["outputs"]
    assert [(output["name"], output["data"]) for output in named] == [
        ("output-0", ["yes", "no"]), ("classes", ["no", "yes"])
    ]  # fmt: skip
    refused(infer(api, {"inputs": COLUMNS, "outputs": [{"name": "nope"}]}), 400, "nope")
    refused(infer(api, {"inputs": COLUMNS, "outputs": [{"name": "predict_proba.0"}]}), 400, "predict_proba.0")


def test_null_is_a_missing_value_of_a_column_that_may_have_one(api: PredictApi) -> None:
    assert infer(api, with_tensor(1, data=[52000.5, None])).status_code == 200
    refused(infer(api, with_tensor(0, data=[40, None])), 400, "row 1", "age")


def test_missing_and_unequal_columns_are_named(api: PredictApi) -> None:
    refused(infer(api, {"inputs": COLUMNS[:1]}), 400, "income", "plan", "member")
    refused(infer(api, with_tensor(2, shape=[1], data=["gold"])), 400, "plan", "1 values")
    refused(infer(api, {"inputs": [*COLUMNS, {**COLUMNS[0], "name": "extra"}]}), 400, "extra")
    refused(infer(api, {"inputs": [{**COLUMNS[0], "name": "a"}, {**COLUMNS[0], "name": "b"}]}), 400, "[n, 4] tensor")


@pytest.mark.parametrize(
    ("index", "members", "words"),
    [
        (0, {"datatype": "INTEGER"}, ("age", "INTEGER", "INT64", "BYTES")),
        (0, {"data": ["x", 25]}, ("row 0", "age", "'x'")),
        (0, {"data": [40.5, 25]}, ("row 0", "age", "not an integer")),
        (2, {"datatype": "INT64", "data": [1, 2]}, ("row 0", "plan", "not a string")),
        (3, {"data": [1, 0]}, ("row 0", "member", "true or false")),
        (0, {"data": [40]}, ("age", "1 values", "2 by its shape")),
        (0, {"shape": [2, 1, 1]}, ("age", "two dimensions")),
        (0, {"shape": [-2]}, ("age", "two dimensions")),
        (0, {"shape": [2**62, 2**62]}, ("age", "2 values")),
        (0, {"shape": ["2"]}, ("shape",)),
        (0, {"parameters": {"content_type": "pd_json"}}, ("age", "pd_json")),
        (0, {"name": "plan"}, ("two tensors", "plan")),
        (0, {"parameters": {"binary_data_size": 16}}, ("age", LENGTH)),
    ],
)
def test_a_wrong_tensor_is_named(api: PredictApi, index: int, members: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(infer(api, with_tensor(index, **members)), 400, *words)


@pytest.mark.parametrize(
    "body", [b"nope", b"", b"[]", b'{"inputs": 1}', b'{"inputs": []}', b'{"inputs": NaN}', b"\xff"]
)
def test_a_body_that_is_no_request_is_refused(api: PredictApi, body: bytes) -> None:
    refused(post(api, body), 400)


def test_a_key_twice_is_refused_as_elsewhere(api: PredictApi) -> None:
    one = json.dumps({"inputs": [{**tensor, "shape": [1], "data": tensor["data"][:1]} for tensor in COLUMNS]})
    assert post(api, one.encode()).status_code == 200
    refused(post(api, one.replace('"shape"', '"name": "age", "shape"', 1).encode()), 400, "twice")


def test_a_version_in_the_path_is_the_current_one_or_a_404(api: PredictApi) -> None:
    version = api.get("/models/churn").json()["version"]
    for named in (version, version[:8], version[:20]):
        assert infer(api, {"inputs": COLUMNS}, version=named).json()["model_version"] == version
    for other in ("deadbeef" * 8, "deadbeef", version[:7], "", f"{version}0"):
        answer = requests.post(
            f"{api.url}/v2/models/churn/versions/{other}/infer", json={"inputs": COLUMNS}, timeout=30
        )
        refused(answer, 404)
    assert f"churn is at {version[:12]}, not at deadbeef" in infer(api, {}, version="deadbeef").json()["error"]
    refused(infer(api, {"inputs": COLUMNS}, "nope"), 404, "nope")


def test_a_matrix_is_read_by_position(api: PredictApi) -> None:
    tensor = {"name": "input-0", "shape": [2, 13], "datatype": "FP32", "data": WINE}
    nested = infer(api, {"inputs": [tensor]}, "wine").json()["outputs"][0]
    flat = infer(api, {"inputs": [{**tensor, "data": [*WINE[0], *WINE[1]]}]}, "wine").json()["outputs"][0]
    assert nested == flat
    assert (nested["shape"], nested["datatype"], len(nested["data"])) == ([2, 1], "INT64", 2)
    row = infer(api, {"inputs": [{**tensor, "shape": [13], "data": WINE[0]}]}, "wine").json()["outputs"][0]
    assert row["data"] == nested["data"][:1]
    short = {**tensor, "shape": [2, 12], "data": [row[:12] for row in WINE]}
    refused(infer(api, {"inputs": [short]}, "wine"), 400, "13 columns")
    texts = [["40", "52000.5", "gold", "true"], ["25", "", "basic", "False"]]
    mixed = {"name": "X", "shape": [2, 4], "datatype": "BYTES", "data": texts}
    assert infer(api, {"inputs": [mixed]}).json()["outputs"][0]["data"] == ["yes", "no"]


def test_limits_hold_in_this_dialect(api: PredictApi) -> None:
    rows = MOST_ROWS + 1
    many = [{**tensor, "shape": [rows], "data": [tensor["data"][0]] * rows} for tensor in COLUMNS]
    refused(infer(api, {"inputs": many}), 400, f"{rows} rows")
    refused(post(api, b" " * (MOST_BYTES + 1)), 413, str(MOST_BYTES))
    refused(post(api, b"{}", "churn", {"Content-Encoding": "br"}), 415, "Content-Encoding")
    host = requests.get(f"{api.url}/v2", headers={"Host": "elsewhere.example"}, timeout=30)
    refused(host, 421, "elsewhere.example")


def test_an_answer_that_was_not_confirmed_says_stale(api: PredictApi, stub: WireStub) -> None:
    stub.stop()
    try:
        wait_until(lambda: wire.MODEL_STALE in infer(api, {"inputs": COLUMNS}).headers, what="a stale answer")
        assert infer(api, {"inputs": COLUMNS}).json()["outputs"][0]["data"] == ["yes", "no"]
    finally:
        stub.start()
        wait_until(lambda: wire.MODEL_STALE not in infer(api, {"inputs": COLUMNS}).headers, what="a confirmed answer")

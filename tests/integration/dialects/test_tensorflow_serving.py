"""TensorFlow Serving's REST API, and KServe's version 1, over HTTP. T1 to T12."""

import json
from typing import Any

import pytest
import requests

from tests.integration.dialects.models import R1, R2
from tests.processes.predict_api import PredictApi

WINE = [13.2, 1.8, 2.1, 11.2, 100.0, 2.7, 2.8, 0.3, 1.3, 4.4, 1.05, 3.4, 1050.0]


def ask(api: PredictApi, body: object, call: str = "churn:predict", **headers: str) -> requests.Response:
    content = body if isinstance(body, str) else json.dumps(body)
    return requests.post(f"{api.url}/v1/models/{call}", data=content.encode(), headers=headers, timeout=30)


def test_the_state_of_a_model_has_the_forms_of_both(api: PredictApi) -> None:
    body = api.get("/v1/models/churn").json()
    assert (body["name"], body["ready"]) == ("churn", True)
    assert body["model_version_status"][0]["state"] == "AVAILABLE"
    assert body["model_version_status"][0]["version"] == api.predict(R1).headers["Model-Sequence"]
    assert api.get("/v1/models").json() == {"models": ["churn", "wine"]}
    assert api.get("/").json() == {"status": "alive"}


@pytest.mark.parametrize("path", ["/v1/models/nope", "/v1/models/churn/versions/9", "/v1/models/nope/metadata"])
def test_what_is_not_there_is_a_404_with_an_error(api: PredictApi, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "member", "values"),
    [
        ({"instances": [R1]}, "predictions", ["yes"]),
        ({"instances": [{name: [cell] for name, cell in R1.items()}]}, "predictions", ["yes"]),
        ({"instances": [R1, {**R2, "age": [25]}]}, "predictions", ["yes", "no"]),
        ({"instances": [[*R1.values()]]}, "predictions", ["yes"]),
        ({"inputs": {name: [R1[name], R2[name]] for name in R1}}, "outputs", ["yes", "no"]),
        ({"inputs": {name: [[R1[name]], [R2[name]]] for name in R1}}, "outputs", ["yes", "no"]),
        ({"inputs": [R1]}, "predictions", ["yes"]),
        ({"instances": [R1], "signature_name": "serving_default"}, "predictions", ["yes"]),
        ({"instances": []}, "predictions", []),
    ],
    ids=str,
)
def test_rows_and_columns_are_answered(api: PredictApi, body: dict[str, Any], member: str, values: list[str]) -> None:
    answer = ask(api, body)
    assert answer.status_code == 200
    assert answer.json()[member] == values
    assert answer.json()["model_version"] == answer.headers["Model-Version"]


def test_a_matrix_is_read_by_position(api: PredictApi) -> None:
    assert ask(api, {"instances": [WINE, WINE]}, "wine:predict").json()["predictions"] == [0, 0]
    answer = ask(api, {"instances": [WINE[1:]]}, "wine:predict")
    assert (answer.status_code, "the model takes 13" in answer.json()["error"]) == (400, True)


def test_the_signature_chooses_probabilities(api: PredictApi) -> None:
    body = ask(api, {"signature_name": "predict_proba", "instances": [R1, R2]}).json()
    assert [round(sum(row), 6) for row in body["predictions"]] == [1, 1]
    assert body["predictions"] == body["predict_proba"]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [R1], "inputs": [R1]},
        {"other": 1},
        "nope",
        [R1],
        {"instances": R1},
        {"inputs": {}},
        {"instances": [R1], "signature_name": "other"},
        '{"instances": [{"age": NaN}]}',
        {"instances": [{**R1, "age": "x"}]},
        {"instances": [{"age": 40}]},
    ],
    ids=str,
)
def test_a_bad_request_is_a_400_with_an_error(api: PredictApi, body: object) -> None:
    answer = ask(api, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_nan_is_refused_with_what_to_send(api: PredictApi) -> None:
    assert "send null" in ask(api, '{"instances": [{"age": NaN}]}').json()["error"]


def test_the_content_type_is_ignored(api: PredictApi) -> None:
    answer = ask(api, {"instances": [R1]}, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.json()["predictions"] == ["yes"]


def test_a_model_or_version_that_is_not_there_is_a_404(api: PredictApi) -> None:
    assert ask(api, {"instances": [R1]}, "nope:predict").status_code == 404
    sequence = api.predict(R1).headers["Model-Sequence"]
    assert ask(api, {"instances": [R1]}, f"churn/versions/{sequence}:predict").status_code == 200
    answer = ask(api, {"instances": [R1]}, "churn/versions/9:predict")
    assert (answer.status_code, answer.json()["error"]) == (404, f"churn is at version {sequence}, not at 9")


def test_a_colon_may_be_percent_encoded(api: PredictApi) -> None:
    assert ask(api, {"instances": [R1]}, "churn%3Apredict").json()["predictions"] == ["yes"]


def test_classify_answers_pairs_of_class_and_probability(api: PredictApi) -> None:
    for body in ({"examples": [R1]}, {"context": {"age": 40}, "examples": [R1]}):
        ((no, yes),) = ask(api, body, "churn:classify").json()["result"]
        assert (no[0], yes[0]) == ("no", "yes")
        assert round(no[1] + yes[1], 6) == 1
    assert ask(api, {"instances": [R1]}, "churn:classify").status_code == 400


def test_regress_answers_numbers(api: PredictApi) -> None:
    names = [
        *api.get("/v1/models/wine/metadata").json()["metadata"]["signature_def"]["signature_def"]["serving_default"][
            "inputs"
        ]
    ]
    row = dict(zip(names, WINE, strict=True))
    assert ask(api, {"examples": [row]}, "wine:regress").json()["results"] == [0]
    assert "no numbers" in ask(api, {"examples": [R1]}, "churn:regress").json()["error"]


def test_the_metadata_has_the_columns_as_a_signature(api: PredictApi) -> None:
    body = api.get("/v1/models/churn/metadata").json()
    signature = body["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert [signature["inputs"][name]["dtype"] for name in ("income", "plan", "member")] == [
        "DT_DOUBLE",
        "DT_STRING",
        "DT_BOOL",
    ]
    assert signature["outputs"]["predictions"]["dtype"] == "DT_STRING"

"""Vertex AI's custom containers over HTTP: its health and predict routes. V1 to V8."""

from typing import Any

import pytest
import requests

from tests.integration.dialects.conftest import HEALTH_ROUTE, MOST_BYTES, PREDICT_ROUTE
from tests.integration.dialects.models import R1, R2
from tests.processes.predict_api import PredictApi


def ask(api: PredictApi, body: object) -> requests.Response:
    return requests.post(f"{api.url}{PREDICT_ROUTE}", json=body, timeout=30)


def test_the_health_route_is_answered(api: PredictApi) -> None:
    assert api.get(HEALTH_ROUTE).status_code == 200


@pytest.mark.parametrize(
    ("body", "predictions"),
    [
        ({"instances": [R1, R2]}, ["yes", "no"]),
        ({"instances": [[*R1.values()]]}, ["yes"]),
        ({"instances": []}, []),
        ({"instances": [R1], "other": 1}, ["yes"]),
    ],
    ids=["objects", "by position", "none", "another member"],
)
def test_each_instance_has_a_prediction(api: PredictApi, body: dict[str, Any], predictions: list[str]) -> None:
    answer = ask(api, body)
    assert answer.status_code == 200
    assert answer.json() == {"predictions": predictions}
    assert len(answer.headers["Model-Version"]) == 64


def test_a_parameter_chooses_probabilities(api: PredictApi) -> None:
    body = ask(api, {"instances": [R1], "parameters": {"predict_fn": "predict_proba"}}).json()
    assert round(sum(body["predictions"][0]), 6) == 1


def test_a_body_without_instances_or_beyond_the_limit_is_refused(api: PredictApi) -> None:
    answer = ask(api, {"rows": [R1]})
    assert (answer.status_code, "instances" in answer.json()["error"]) == (400, True)
    assert ask(api, {"instances": ["x" * MOST_BYTES]}).status_code == 413

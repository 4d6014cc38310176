"""The Open Inference Protocol over HTTP, the pairs of requests and responses that its clients rely on."""

from typing import Any

import requests

from tests.processes.predict_api import PredictApi

COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "shape": [2], "datatype": "INT64", "data": [40, 25]},
    {"name": "income", "shape": [2], "datatype": "FP64", "data": [52000.5, 30000.0]},
    {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["gold", "basic"]},
    {"name": "member", "shape": [2], "datatype": "BOOL", "data": [True, False]},
]


def infer(api: PredictApi, body: object, model: str = "churn", **more: Any) -> requests.Response:
    return requests.post(f"{api.url}/v2/models/{model}/infer", json=body, timeout=30, **more)


def test_columns_are_answered_by_labels_and_probabilities(api: PredictApi) -> None:
    answer = infer(api, {"id": "42", "parameters": {"content_type": "pd"}, "inputs": COLUMNS})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["model_name"]) == ("42", "churn")
    assert body["model_version"] == answer.headers["Model-Version"]
    assert body["outputs"][0]["data"] == ["yes", "no"]

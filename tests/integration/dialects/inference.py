"""Inference requests over HTTP, and the check of an error that the official clients can show."""

import json
from typing import Any

import requests

from tests.processes.predict_api import PredictApi

Tensors = list[dict[str, Any]]
LENGTH = "Inference-Header-Content-Length"
COLUMNS: Tensors = [
    {"name": "age", "shape": [2], "datatype": "INT64", "data": [40, 25]},
    {"name": "income", "shape": [2], "datatype": "FP64", "data": [52000.5, 30000.0]},
    {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["gold", "basic"]},
    {"name": "member", "shape": [2], "datatype": "BOOL", "data": [True, False]},
]
WINE = [[float(index + 1)] * 13 for index in range(2)]


def infer(api: PredictApi, body: object, model: str = "churn", version: str = "") -> requests.Response:
    return post(api, json.dumps(body).encode(), model, version=version)


def post(
    api: PredictApi, body: bytes, model: str = "churn", headers: dict[str, str] | None = None, *, version: str = ""
) -> requests.Response:
    """The response to a body that is sent without a Content-Type, as tritonclient does."""
    path = f"{model}/versions/{version}" if version else model
    return requests.post(f"{api.url}/v2/models/{path}/infer", data=body, headers=headers, timeout=30)


def with_tensor(index: int, **members: Any) -> dict[str, Tensors]:
    """The request for both rows, with other members in one tensor."""
    return {"inputs": [{**tensor, **(members if index == at else {})} for at, tensor in enumerate(COLUMNS)]}


def refused(answer: requests.Response, status: int, *words: str) -> None:
    """Check that an error is one that the official clients can show."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    body = answer.json()
    for word in words:
        assert word in body["error"]
    assert body["status"] == status
    assert body["type"].startswith("urn:changeover:")

"""Raw tensors over HTTP, as tritonclient sends and reads them."""

import json
import struct
from typing import Any

import pytest

from tests.integration.dialects.inference import COLUMNS, LENGTH, infer, post, refused
from tests.processes.predict_api import PredictApi

RAW = [
    struct.pack("<2q", 40, 25),
    struct.pack("<2d", 52000.5, 30000.0),
    b"\x04\0\0\0gold\x05\0\0\0basic",
    b"\x01\x00",
]


def raw_request(raws: list[bytes] = RAW, **members: Any) -> tuple[bytes, dict[str, str]]:
    """The body that tritonclient sends, and its header."""
    inputs = [
        {
            "name": tensor["name"],
            "shape": [2, 1],
            "datatype": tensor["datatype"],
            "parameters": {"binary_data_size": len(raw)},
        }
        for tensor, raw in zip(COLUMNS, raws, strict=True)
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}, **members}).encode()
    return head + b"".join(raws), {LENGTH: str(len(head))}


def test_raw_tensors_are_answered_by_raw_tensors(api: PredictApi) -> None:
    answer = post(api, *_swapped(raw_request()))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    length = int(answer.headers[LENGTH])
    labels, probabilities = json.loads(answer.content[:length])["outputs"]
    assert labels["parameters"]["binary_data_size"] == 13
    assert probabilities["parameters"]["binary_data_size"] == 32
    assert answer.content[length:][:13] == b"\x03\0\0\0yes\x02\0\0\0no"
    by_json = infer(api, {"inputs": COLUMNS}).json()["outputs"][1]["data"]
    assert list(struct.unpack("<4d", answer.content[length + 13 :])) == pytest.approx(by_json)


def _swapped(request: tuple[bytes, dict[str, str]]) -> tuple[bytes, str, dict[str, str]]:
    return request[0], "churn", request[1]


def test_an_output_chooses_its_own_form(api: PredictApi) -> None:
    names = [{"name": "predict", "parameters": {"binary_data": False}}, {"name": "predict_proba"}]
    answer = post(api, *_swapped(raw_request(outputs=names)))
    length = int(answer.headers[LENGTH])
    labels, probabilities = json.loads(answer.content[:length])["outputs"]
    assert labels["data"] == ["yes", "no"]
    assert "data" not in probabilities
    assert len(answer.content) == length + 32


def test_a_raw_nan_is_missing_and_a_raw_infinity_is_refused(api: PredictApi) -> None:
    missing = [RAW[0], struct.pack("<2d", float("nan"), 1.0), *RAW[2:]]
    assert post(api, *_swapped(raw_request(missing))).status_code == 200
    infinite = [RAW[0], struct.pack("<2d", 1.0, float("inf")), *RAW[2:]]
    refused(post(api, *_swapped(raw_request(infinite))), 400, "row 1", "income", "infinite")


def test_sizes_that_do_not_add_up_are_refused(api: PredictApi) -> None:
    body, headers = raw_request()
    refused(post(api, body + b"x", "churn", headers), 400, "1 bytes follow")
    refused(post(api, body[:-1], "churn", headers), 400, "member")
    refused(post(api, *_swapped(raw_request([RAW[0][:8], *RAW[1:]]))), 400, "age", "16 bytes")
    refused(post(api, *_swapped(raw_request([*RAW[:2], b"\xff\xff\xff\xffgold", RAW[3]]))), 400, "plan")
    refused(post(api, *_swapped(raw_request([*RAW[:3], b"\x01\x07"]))), 400, "member", "0 and 1")
    for length in ("-1", "x", str(10**30), str(len(body) + 1)):
        refused(post(api, body, "churn", {LENGTH: length}), 400, LENGTH)

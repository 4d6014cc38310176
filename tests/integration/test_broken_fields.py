"""The real bodies with one broken field, in many ways: a 422 with row and field, or a 400; never a 500."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import joblib
import pytest
import requests

from changeover.demo.bodies import body
from changeover.demo.train import Trained, build
from changeover.estimator import golden_rows
from changeover.estimator.scoring import classes_of, describe
from changeover.json_types import JsonObject
from changeover.schema.schema import Schema
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT
from tests.wire_stub import WireStub, running_stub

SINGLE: JsonObject = json.loads(body("single"))
BATCH: list[JsonObject] = json.loads(body("batch"))
BROKEN_ROW = 2  # of the batch
DEEP = "[" * 40 + "]" * 40

# column -> JSON values that do not fit it
UNFIT = {
    "x1": [  # a number
        "[]", "[1.5]", "{}", '{"value": 1.5}', '"abc"', '"1,5"', '"1_000"', '"1.5 m"', '"1 2"', '"--1"',
        '"0x1F"', '"1e"', '"null"', '"N/A"', '"inf"', '"-Infinity"', '"1e999"', f'"{"9" * 400}"', '"$5"', '"5%"', '"(5)"',
        r'"\u0000"', r'"1\u0000"', r'"\u0007"', r'"\u0663"', r'"\ud83d\ude00"', '"+nan"', '"-nan"', f'"{"x" * 100_000}"',
    ],
    "x12": [  # an amount of money
        "[]", "{}", '"$"', '"()"', '"5 USD"', '"($5"', '"5)"', '"$1,23"', '"-$-5"', '"$5$"', '"62.59%"', '"$nan"',
        '"$inf"', f'"${"9" * 400}"', r'"$\u0000"', '"five"',
    ],
    "x63": [  # a percentage
        "[]", "{}", '"%"', '"nan%"', '"inf%"', '"5%%"', '"%5"', '"$5"', '"62.59 percent"', '"5 0%"', '"1e999%"',
    ],
    "x5": ["5", "1.5", "true", "[]", '["sunday"]', "{}", '{"day": "sunday"}'],  # a string
    "x82": ["0", "false", '["Female"]'],
}  # fmt: skip
# no JSON, or not the strict JSON that is accepted; sent as the value of x1
NOT_JSON = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "-" + "9" * 5000, "01", "+1", ".5", "1.", "0x1F", "1_000",
    "undefined", "None", "True", "'1.5'", "", '"open', '"line\nbreak"', '"\x00"', '"\x1f"', r'"\x41"', r'"\ud800"',
    r'"\udc00 \ud800"', "1 2", "1 // one", DEEP, '{"a":' * 40 + "1" + "}" * 40, '1, "x1": 2', '{"a": 1, "a": 2}', "1}}",
]  # fmt: skip


def text_of(row: JsonObject, without: str | None = None, **raw: str) -> str:
    """`row` as JSON, with some values replaced by JSON texts."""
    pairs = {name: json.dumps(value) for name, value in row.items() if name != without} | raw
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in pairs.items()) + "}"


def texts(without: str | None = None, **raw: str) -> list[tuple[int, str]]:
    """Both bodies with one row so broken, each with the index of that row."""
    rows = [text_of(row) for row in BATCH]
    rows[BROKEN_ROW] = text_of(BATCH[BROKEN_ROW], without, **raw)
    return [(0, text_of(SINGLE, without, **raw)), (BROKEN_ROW, "[" + ", ".join(rows) + "]")]


def manifest_of(trained: Trained, schema: Schema) -> JsonObject:
    return {
        "created_at": CREATED_AT,
        "schema": schema.to_json(),
        "estimator": describe(trained.estimator),
        "classes": classes_of(trained.estimator),
        "golden": golden_rows.record(trained.estimator, schema, [SINGLE]),
        "format": 1,
    }


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """The segmentation model, and `edited`, the same with an edited schema: it requires x1 and closes x5."""
    trained = build(seed=0, rows=400)
    buffer = io.BytesIO()
    joblib.dump(trained.estimator, buffer)
    edited = Schema(
        tuple(
            replace(column, nullable=column.name != "x1", enum=column.categories if column.name == "x5" else None)
            for column in trained.schema.columns
        )
    )
    with running_stub() as stub:
        publish(stub, "default", buffer.getvalue(), manifest_of(trained, trained.schema))
        publish(stub, "edited", buffer.getvalue(), manifest_of(trained, edited))
        folder: Path = tmp_path_factory.mktemp("predict")
        with PredictApi(stub.url, folder, WORKERS="1") as api:
            yield api


def publish(stub: WireStub, model: str, buffer: bytes, manifest: JsonObject) -> None:
    stub.roll(model, stub.publish(model, buffer, manifest))


def post(api: PredictApi, data: str | bytes, path: str = "/predict") -> requests.Response:
    sent = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return requests.post(f"{api.url}{path}", sent, headers={"Content-Type": "application/json"}, timeout=30)


def faults(answer: requests.Response) -> list[tuple[object, object]]:
    """Row and field of each fault in an answer that must be 422."""
    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json"), problem
    assert problem["total"] == len(problem["errors"])
    assert all(fault["message"] for fault in problem["errors"])
    return [(fault["row"], fault["field"]) for fault in problem["errors"]]


def test_the_bodies_as_they_are_are_answered(api: PredictApi) -> None:
    for path in ("/predict", "/models/edited/predict"):
        for _, data in texts():
            assert post(api, data, path).status_code == 200


@pytest.mark.parametrize("field", UNFIT)
def test_a_value_that_does_not_fit_is_named_by_row_and_field(api: PredictApi, field: str) -> None:
    for value in UNFIT[field]:
        for row, data in texts(**{field: value}):
            assert faults(post(api, data)) == [(row, field)], value


def test_a_field_that_is_missing_is_named(api: PredictApi) -> None:
    for row, data in texts(without="x7"):
        assert faults(post(api, data)) == [(row, "x7")]


@pytest.mark.parametrize("name", ["x100", "", "X7", "x7 ", "x7\x00", "\u00d77", "__proto__", "columns", "y"])
def test_a_field_that_the_model_does_not_know_is_named(api: PredictApi, name: str) -> None:
    for row, data in texts(**{name: "1"}):
        assert faults(post(api, data)) == [(row, name)]


def test_a_name_in_another_case_is_another_name(api: PredictApi) -> None:
    for row, data in texts(without="x7", X7="1"):
        assert faults(post(api, data)) == [(row, "x7"), (row, "X7")]


def test_what_the_publisher_edited_is_what_is_asked_for(api: PredictApi) -> None:
    edited = "/models/edited/predict"
    for broken in ({"x1": "null"}, {"x1": '"nan"'}, {"x1": '""'}, {"x5": '"someday"'}, {"x5": '""'}):
        for row, data in texts(**broken):
            assert faults(post(api, data, edited)) == [(row, *broken)]
            assert post(api, data).status_code == 200


@pytest.mark.parametrize("value", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_not_strict_json_is_400(api: PredictApi, value: str) -> None:
    for _, data in texts(x1=value):
        answer = post(api, data)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json"), answer.text


def test_a_body_broken_as_a_whole_is_400(api: PredictApi) -> None:
    for _, text in texts():
        data = text.encode()
        for broken in (
            *(b"\xef\xbb\xbf" + data, data + data, data + b" trailing", data[:-1], data[: len(data) // 2], b"", b" "),
            *(text.encode("utf-16"), data.replace(b"sunday", b"\xff"), data.replace(b"sunday", b"\xed\xa0\x80")),
            *(data.replace(b'"x7"', rb'"\ud800"', 1), data.replace(b'"x7"', b"x7", 1), data.replace(b":", b"=", 1)),
            *(data.replace(b'"x7"', rb'"x\u0036"', 1), b"(" + data + b")", data.replace(b", ", b",, ", 1)),
        ):
            if broken != data:
                assert post(api, broken).status_code == 400, broken[:60]


def test_every_fault_of_a_request_is_counted_and_the_first_twenty_are_listed(api: PredictApi) -> None:
    broken = {f"x{number}": '"?"' for number in range(13, 23)}
    problem = post(api, "[" + ", ".join(text_of(row, **broken) for row in BATCH) + "]").json()
    assert problem["status"] == 422
    assert problem["total"] == len(broken) * len(BATCH)
    assert [(fault["row"], fault["field"]) for fault in problem["errors"]] == [
        (row, field) for row in range(2) for field in broken
    ]


def test_there_are_enough_broken_bodies() -> None:
    assert len(NOT_JSON) > 30
    assert sum(map(len, UNFIT.values())) > 30

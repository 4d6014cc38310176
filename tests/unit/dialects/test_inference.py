"""Inference requests without a server: the forms of tensors, raw ones, and the written answers."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest

from changeover.estimator.scores import Runtime, Scores
from changeover.exceptions import NotJson, RequestFaults
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call
from predict_api.dialects.inference_metadata import metadata
from predict_api.dialects.open_inference import Wants, datatype_of, fault, read, write
from predict_api.dialects.raw_tensors import array_of, raw_of, strings_of
from predict_api.exceptions import InvalidCall

SCHEMA = Schema((Column("age", ColumnType.INTEGER), Column("plan", ColumnType.STRING)))
LENGTH = "Inference-Header-Content-Length"
AGE = {"name": "age", "shape": [1], "datatype": "INT64", "data": [40]}
PLAN = {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["gold"]}
TEXT = b"\x04\0\0\0gold"
ATTRIBUTION = Attribution(Manifest("churn", "ab" * 32, 1, "2026-01-31T12:00:00Z", {}, {}), 3, "request-1")


def asked(body: Any, raw: bytes = b"", headers: dict[str, str] | None = None) -> Ask[Wants]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if raw:
        headers = {LENGTH: str(len(content))}
    return read(Call(content + raw, headers or {}, {}), SCHEMA, 10)


def cells(ask: Ask[Wants]) -> dict[str, list[Any]]:
    assert not isinstance(ask.cells, list)
    return {name: list(column) for name, column in ask.cells.items()}


def answer(scores: Scores, wants: Wants | None = None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(write(scores, Ask({}, wants or Wants(None, None, frozenset())), ATTRIBUTION).body)
    return body


def test_the_way_for_one_row_gives_what_the_general_way_gives() -> None:
    expected = {"age": [40], "plan": ["gold"]}
    for more in ({}, {"id": "x"}, {"parameters": {"content_type": "pd"}}, {"unknown": {"id": [1]}}):
        assert cells(asked({"inputs": [AGE, PLAN], **more})) == expected
    assert (
        cells(asked({"inputs": [{**AGE, "shape": [1, 1]}, {**PLAN, "parameters": {"content_type": "str"}}]}))
        == expected
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": [], "inputs": []}',
        b'{"id": "a", "id": "b", "inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": [1]}]}',
        b'{"inputs": [{"name": "age", "name": "age", "shape": [1], "datatype": "INT64", "data": [1]}]}',
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1e400]}]}',
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [NaN]}]}',
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": ' + b"[" * 40 + b"]" * 40 + b"}]}",
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "x": ' + b"[" * 9999 + b"]" * 9999 + b"}]}",
        b'\xef\xbb\xbf{"inputs": []}',
    ],
)
def test_what_strict_json_refuses_is_refused_here(body: bytes) -> None:
    with pytest.raises(NotJson):
        asked(body)


def test_raw_and_json_tensors_may_be_mixed() -> None:
    raw_age = {"name": "age", "shape": [1, 1], "datatype": "INT64", "parameters": {"binary_data_size": 8}}
    assert cells(asked({"inputs": [PLAN, raw_age]}, struct.pack("<q", 40))) == {"plan": ["gold"], "age": [40]}


def test_a_header_of_the_length_of_the_whole_body_means_json_alone() -> None:
    body = json.dumps({"inputs": [AGE, PLAN]}).encode()
    assert cells(asked(body, headers={LENGTH: str(len(body))})) == {"age": [40], "plan": ["gold"]}
    with pytest.raises(InvalidCall, match="1 bytes follow"):
        asked(body + b" ", headers={LENGTH: str(len(body))})


def test_claimed_sizes_are_compared_with_the_bytes_before_anything_is_made_of_them() -> None:
    huge = {"name": "age", "shape": [2**62, 2], "datatype": "INT8", "parameters": {"binary_data_size": 8}}
    with pytest.raises(InvalidCall, match="its binary_data_size is 8"):
        asked({"inputs": [huge]}, bytes(8))
    with pytest.raises(InvalidCall, match="cannot hold them"):
        asked({"inputs": [{**huge, "datatype": "BYTES"}]}, bytes(8))
    for size in (-1, 9, True, "8", 2**70, 1.0):
        with pytest.raises(InvalidCall):
            asked({"inputs": [{**huge, "shape": [1], "parameters": {"binary_data_size": size}}]}, bytes(8))


def test_texts_in_base64_are_decoded() -> None:
    text = {**PLAN, "data": [base64.b64encode("gold ü".encode()).decode()], "parameters": {"content_type": "base64"}}
    assert cells(asked({"inputs": [AGE, text]}))["plan"] == ["gold ü"]
    with pytest.raises(RequestFaults, match="base64"):
        asked({"inputs": [AGE, {**text, "data": ["gold!"]}]})


@pytest.mark.parametrize("datatype", ["INT8", "UINT16", "INT32", "UINT64", "FP16", "FP32", "FP64"])
def test_numbers_keep_their_values_in_raw_form(datatype: str) -> None:
    raw = raw_of(datatype, [1, 2, 100])
    assert array_of("a", datatype, 3, memoryview(raw)).tolist() == [1, 2, 100]
    with pytest.raises(InvalidCall, match="'a'"):
        array_of("a", datatype, 4, memoryview(raw))


def test_flags_and_strings_keep_their_values_in_raw_form() -> None:
    assert array_of("a", "BOOL", 2, memoryview(b"\0\1")).tolist() == [False, True]
    texts = ["", "gold", "ü" * 300]
    assert strings_of("a", 3, memoryview(raw_of("BYTES", texts))) == texts


@pytest.mark.parametrize(
    ("leaves", "raw"),
    [(1, b""), (1, b"\x05\0\0\0gold"), (1, TEXT + b"x"), (2, TEXT), (2, TEXT + b"\0\0"), (1, b"\xff\xff\xff\xffgold")],
)
def test_strings_that_do_not_end_where_the_bytes_end_are_refused(leaves: int, raw: bytes) -> None:
    with pytest.raises(InvalidCall, match="'a'"):
        strings_of("a", leaves, memoryview(raw))


def test_many_strings_are_read_as_one_by_one() -> None:
    texts = ["gold", "tin", "é" * 20, "gold"] * 10
    raw = raw_of("BYTES", texts)
    assert strings_of("plan", 40, memoryview(raw)) == texts
    others = [["", *texts[1:]], ["a" * 256, *texts[1:]], ["a\0", *texts[1:]], [str(index) for index in range(40)]]
    assert [strings_of("plan", 40, memoryview(raw_of("BYTES", other))) for other in others] == others
    with pytest.raises(InvalidCall, match="are left"):
        strings_of("plan", 40, memoryview(raw.replace(b"\x03\0\0\0", b"\x04\0\0\0")))


def test_bytes_that_are_no_text_are_named_by_row_and_column() -> None:
    with pytest.raises(RequestFaults) as raised:
        strings_of("plan", 2, memoryview(TEXT + b"\x01\0\0\0\xff"))
    assert raised.value.errors == [{"row": 1, "field": "plan", "message": "the bytes are not UTF-8"}]


def test_a_regression_has_labels_only() -> None:
    body = answer(Scores([1.5, 2.0], None, None, Runtime.ONNX))
    assert (body["id"], body["model_version"]) == ("request-1", "ab" * 32)
    label = {
        "name": "predict",
        "shape": [2, 1],
        "datatype": "FP64",
        "parameters": {"content_type": "np"},
        "data": [1.5, 2],
    }
    assert body["outputs"] == [label]


def test_several_outputs_are_one_tensor_of_labels_and_one_of_probabilities_each() -> None:
    scores = Scores([[0, 1], [1, 1]], [[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.4, 0.6]]], [[0, 1], [0, 1]])
    labels, first, second = answer(scores)["outputs"]
    assert (labels["shape"], labels["data"]) == ([2, 2], [0, 1, 1, 1])
    assert (first["name"], first["data"]) == ("predict_proba.0", [0.9, 0.1, 0.3, 0.7])
    assert (second["name"], second["data"]) == ("predict_proba.1", [0.2, 0.8, 0.4, 0.6])
    with pytest.raises(InvalidCall, match=r"predict_proba\.2"):
        answer(scores, Wants(None, ["predict_proba.2"], frozenset()))


@pytest.mark.parametrize("label", [1, 1.5, True, "gold", '\u00e9"', 2**63, None, [1, "a"]])
def test_the_answer_to_one_row_is_the_same_whether_its_outputs_are_named(label: Any) -> None:
    scores = Scores([label], [[0.25, 0.75]], [0, label])
    bodies = [
        write(scores, Ask({}, Wants("r", outputs, frozenset())), ATTRIBUTION).body
        for outputs in (None, ["predict", "predict_proba"])
    ]
    assert bodies[0] == bodies[1]


def test_the_answer_to_no_rows_has_no_rows() -> None:
    outputs = answer(Scores([], [], ["no", "yes"]))["outputs"]
    assert [(output["shape"], output["data"]) for output in outputs] == [([0, 1], []), ([0, 2], [])]


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        ([True], "BOOL"),
        ([1, 2], "INT64"),
        ([1, 2.5], "FP64"),
        (["a"], "BYTES"),
        (["a", 1], "BYTES"),
        ([2**64], "BYTES"),
    ],
)
def test_the_datatype_of_labels_is_that_of_their_values(values: list[Any], datatype: str) -> None:
    assert datatype_of(values) == datatype


def test_labels_of_several_types_are_sent_as_json() -> None:
    assert answer(Scores(["a", 1], None, None))["outputs"][0]["data"] == ['"a"', "1"]


def test_the_metadata_of_a_model_of_several_outputs_has_a_tensor_for_each() -> None:
    manifest = Manifest(
        "rooms",
        "ab" * 32,
        1,
        "",
        {},
        {"type": "Pipeline", "predict_proba": True},
        classes=[["a", "b"], ["c", "d", "e"]],
    )
    outputs: Any = metadata(manifest, SCHEMA)["outputs"]
    assert [(output["name"], output["shape"]) for output in outputs] == [
        ("predict", [-1, 2]), ("predict_proba.0", [-1, 2]), ("predict_proba.1", [-1, 3])
    ]  # fmt: skip


def test_an_error_names_each_listed_row_and_counts_the_others() -> None:
    errors = [{"row": row, "field": "age", "message": "no"} for row in range(2)]
    problem = {"status": 422, "title": "t", "detail": "d", "errors": errors, "total": 5}
    reply = fault(problem)
    assert reply.status == 400
    assert json.loads(reply.body)["error"] == "row 0, field age: no; row 1, field age: no; and 3 more"
    assert json.loads(fault({"status": 503, "detail": "later"}).body) == {
        "error": "later",
        "status": 503,
        "detail": "later",
    }


def test_arrays_are_views_of_the_body() -> None:
    body = memoryview(np.arange(4.0).tobytes())
    assert np.shares_memory(array_of("a", "FP64", 4, body), np.frombuffer(body))


def test_a_tensor_twice_is_refused_unless_it_is_ignored() -> None:
    other = {**AGE, "name": "other"}
    with pytest.raises(InvalidCall, match="two tensors 'age'"):
        asked({"inputs": [AGE, AGE, PLAN]})
    assert cells(asked({"inputs": [AGE, other, PLAN, other]})) == {"age": [40], "other": [40], "plan": ["gold"]}
    with pytest.raises(InvalidCall, match="one tensor per column"):
        asked({"inputs": [{**other, "shape": [1, 2], "data": [1, 2]}] * 2})

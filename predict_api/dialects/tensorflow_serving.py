"""The REST API of TensorFlow Serving, and version 1 of KServe's protocol, which has the same paths.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md

The Content-Type is ignored: the examples of TensorFlow Serving send the one of a form.
"""

import re
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from changeover.estimator.scores import Scores
from changeover.json_types import JsonObject
from changeover.request import strict_json
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, PlainJson, Reply
from predict_api.dialects.mlflow import beside, chosen
from predict_api.dialects.rows import INPUTS, INSTANCES, Rows, of_object, of_rows, plain_json, unwrapped
from predict_api.dialects.sentences import fault
from predict_api.exceptions import InvalidCall

PREDICT: Final = "predict"
EXAMPLES: Final = "examples"
_SIGNATURES: Final = {"": False, "serving_default": False, "predict": False, "predict_proba": True}
_TYPES: Final = {
    ColumnType.INTEGER: "DT_INT64",
    ColumnType.NUMBER: "DT_DOUBLE",
    ColumnType.STRING: "DT_STRING",
    ColumnType.BOOLEAN: "DT_BOOL",
}
_LABEL_TYPES: Final = {bool: "DT_BOOL", int: "DT_INT64", float: "DT_DOUBLE"}


class State(StrEnum):
    """The states of a version; one that is not available is not listed here."""

    AVAILABLE = "AVAILABLE"


class Wants(NamedTuple):
    """The call (`predict`, `classify` or `regress`), the member of the response, and whether it has probabilities."""

    verb: str
    member: str
    probabilities: bool = False


def read(call: Call, schema: Schema, max_rows: int) -> Ask[Wants]:  # noqa: ARG001 the readers count the rows
    """What a call asks for; raises NotJson, InvalidCall or RequestFaults."""
    plain = plain_json(call.body, (INSTANCES, INPUTS), schema) if call.path["verb"] == PREDICT else None
    if plain is None:
        return _read_json(call, schema)
    member = "outputs" if plain.is_object else "predictions"
    return Ask(PlainJson(plain.body, partial(_read_json, call, schema), plain.names), Wants(PREDICT, member))


def _read_json(call: Call, schema: Schema) -> Ask[Wants]:
    body = strict_json.parse(call.body)
    if not isinstance(body, dict):
        raise InvalidCall("send an object with instances or inputs")
    signature = body.get("signature_name") or ""
    if not isinstance(signature, str) or signature not in _SIGNATURES:
        raise InvalidCall(f"signature_name is {str(signature)[:40]!r}: send serving_default, predict or predict_proba")
    verb = str(call.path["verb"])
    if verb != PREDICT:
        return Ask(_examples(body, schema), Wants(verb, "result"))
    if (INSTANCES in body) == (INPUTS in body):
        raise InvalidCall(f"send exactly one of {INSTANCES} and {INPUTS}")
    member = INSTANCES if INSTANCES in body else INPUTS
    value = body[member]
    probabilities = _SIGNATURES[signature]
    if member == INPUTS and isinstance(value, dict):
        return Ask(of_object(value, member), Wants(verb, "outputs", probabilities))
    if not isinstance(value, list):
        raise InvalidCall(f"{member} was expected to be a list of rows{' or an object' if member == INPUTS else ''}")
    return Ask(rows_of(value, schema), Wants(verb, "predictions", probabilities))


def rows_of(value: list[Any], schema: Schema) -> Rows:
    """The cells of rows; the values of an object may be lists of one value."""
    return unwrapped(of_rows(value, schema))


def _examples(body: JsonObject, schema: Schema) -> Rows:
    """The cells of `examples`, each with the values of `context`; raises InvalidCall."""
    examples, context = body.get(EXAMPLES), body.get("context", {})
    if not isinstance(examples, list) or not isinstance(context, dict):
        raise InvalidCall(f"send {EXAMPLES}, a list of objects, and context, if any, as an object")
    return rows_of([context | row if isinstance(row, dict) else row for row in examples], schema)


def write(scores: Scores, ask: Ask[Wants], attribution: Attribution) -> Reply:
    """The response; raises InvalidCall for what the model does not have."""
    wants = ask.wants
    body: JsonObject
    if wants.verb == "classify":
        body = {"result": _pairs(scores)}
    elif wants.verb == "regress":
        if not all(type(label) in (int, float) for label in scores.labels):
            raise InvalidCall("the predictions of this model are no numbers: ask it by :predict or :classify")
        body = {"result": scores.labels, "results": scores.labels}
    else:
        body = {wants.member: chosen(scores, probabilities=wants.probabilities), **beside(scores)}
    body["model_version"] = attribution.manifest.version
    return Reply(msgspec.json.encode(body))


def _pairs(scores: Scores) -> list[Any]:
    """The pairs of class and probability of each row."""
    classes, probabilities = scores.classes, scores.probabilities
    if probabilities is None or classes is None or (classes and isinstance(classes[0], list)):
        raise InvalidCall("this model has no probabilities of one set of classes: ask it by :predict")
    names = [name if isinstance(name, str) else str(name) for name in classes]
    return [[list(pair) for pair in zip(names, row, strict=True)] for row in probabilities]


def state(model: str, version: str, sequence: int) -> JsonObject:
    """The response to `GET /v1/models/{m}`, in the forms of both."""
    status: JsonObject = {
        "version": str(sequence),
        "state": State.AVAILABLE.value,
        "status": {"error_code": "OK", "error_message": ""},
        "model_version": version,
    }
    return {"name": model, "ready": True, "model_version_status": [status]}


def metadata(attribution: Attribution, schema: Schema) -> JsonObject:
    """The response to `GET /v1/models/{m}/metadata`."""
    manifest = attribution.manifest
    classes = manifest.classes or []
    label = "DT_STRING" if classes else "DT_DOUBLE"
    if classes and len({type(name) for name in classes}) == 1:
        label = _LABEL_TYPES.get(type(classes[0]), "DT_STRING")
    signature: JsonObject = {
        "inputs": {column.name: _tensor(column.name, _TYPES[column.type]) for column in schema.columns},
        "outputs": {"predictions": _tensor("predictions", label)},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": manifest.model, "signature_name": "", "version": str(attribution.sequence)},
        "model_version": manifest.version,
        "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
    }


def _tensor(name: str, kind: str) -> JsonObject:
    shape: JsonObject = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    return {"dtype": kind, "tensor_shape": shape, "name": name}


TENSORFLOW_SERVING: Final = Dialect(
    name="tfs",
    paths=("/v1/models", "/v1/models/"),
    calls=re.compile(
        r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<sequence>[^/:]+))?:(?P<verb>predict|classify|regress)"
    ),
    read=read,
    write=write,
    fault=fault,
)

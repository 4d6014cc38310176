"""The scoring protocol of MLflow, and the container contract of SageMaker, which has the same paths.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

JSON has one of five members. In CSV, a first line without names of columns is a row, as SageMaker sends it.
"""

import csv
import io
import json
import re
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from changeover.estimator.scores import Scores
from changeover.exceptions import NotCsv
from changeover.json_types import Json, JsonObject
from changeover.protocol import wire
from changeover.request import strict_json
from changeover.request.csv_columns import read_csv
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Attribution, Call, Dialect, PlainJson, Problem, Reply
from predict_api.dialects.rows import (
    INPUTS,
    INSTANCES,
    SPLIT,
    SPLIT_KEYS,
    SPLIT_TOO,
    Rows,
    by_position,
    of_object,
    of_rows,
    plain_json,
    without_unknown,
)
from predict_api.dialects.sentences import sentence
from predict_api.exceptions import InvalidCall, UnsupportedBody

RECORDS: Final = "dataframe_records"
_MEMBERS: Final = (SPLIT, RECORDS, INSTANCES, INPUTS, SPLIT_TOO)
_CSV: Final = "text/csv"
_JSON_TYPES: Final = frozenset({"", "application/json"})
_CHARSET: Final = re.compile(r"charset=\"?utf-?8\"?", re.IGNORECASE)
_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"
_LONGEST_ATTRIBUTES: Final = 1024  # the limit of SageMaker
_MOST_IGNORED: Final = 20  # names in one header
_CODES: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Wants(NamedTuple):
    """Whether the predictions are probabilities, whether the response is CSV, and its further headers."""

    probabilities: bool
    csv: bool
    headers: tuple[tuple[str, str], ...]


def read(call: Call, schema: Schema, max_rows: int) -> Ask[Wants]:
    """What a call asks for; raises NotJson, InvalidCall, RequestFaults, TooManyRows or UnsupportedBody."""
    if _content_type(call) == _CSV:
        return _ask(call, _of_csv(call.body, schema, max_rows), schema)
    plain = plain_json(call.body, _MEMBERS, schema)
    if plain is None:
        return _read_json(call, schema)
    cells = PlainJson(plain.body, partial(_read_json, call, schema), plain.names)
    return Ask(cells, Wants(probabilities=False, csv=_accepts_csv(call), headers=_headers(call, [])))


def _read_json(call: Call, schema: Schema) -> Ask[Wants]:
    body = strict_json.parse(call.body)
    rows = _rows(body, schema)
    probabilities = isinstance(body, dict) and wants_probabilities(body.get("params"), "params")
    return _ask(call, rows, schema, probabilities=probabilities)


def _ask(call: Call, rows: Rows, schema: Schema, *, probabilities: bool = False) -> Ask[Wants]:
    rows, ignored = without_unknown(rows, schema)
    return Ask(rows, Wants(probabilities, _accepts_csv(call), _headers(call, ignored)))


def _accepts_csv(call: Call) -> bool:
    """Whether CSV is the first type in `Accept`."""
    return call.headers.get("Accept", "").partition(";")[0].partition(",")[0].strip().lower() == _CSV


def _content_type(call: Call) -> str:
    """The content type, empty without one; raises UnsupportedBody."""
    header = call.headers.get("Content-Type", "")
    kind, _, parameters = header.partition(";")
    kind, parameters = kind.strip().lower(), parameters.strip()
    if (kind in _JSON_TYPES or kind == _CSV) and (not parameters or _CHARSET.fullmatch(parameters)):
        return kind
    raise UnsupportedBody(
        f"the body has Content-Type {header[:100]!r}: send application/json or {_CSV}, in UTF-8 and without other parameters"
    )


def _of_csv(body: bytes, schema: Schema, max_rows: int) -> Rows:
    """The cells of CSV, with a line of names or without; raises InvalidCall, RequestFaults or TooManyRows."""
    try:
        return read_csv(body, schema, max_rows, header=_has_header(body, schema))
    except NotCsv as error:
        raise InvalidCall(str(error)) from None


def _has_header(body: bytes, schema: Schema) -> bool:
    """Whether the first line of CSV has the names of columns; an empty body counts as if it had."""
    line = io.StringIO(body.partition(b"\n")[0].decode("utf-8", "replace"), newline="")
    cells = {cell.removeprefix("\ufeff") for cell in next(csv.reader(line), [])}
    return not cells or cells <= schema.by_name.keys() or schema.by_name.keys() <= cells


def _rows(body: Json, schema: Schema) -> Rows:
    members = [name for name in _MEMBERS if name in body] if isinstance(body, dict) else []
    if not isinstance(body, dict) or len(members) != 1:
        raise InvalidCall(f"send an object with exactly one of {SPLIT}, {RECORDS}, {INSTANCES} and {INPUTS}")
    (member,) = members
    value = body[member]
    if member in {SPLIT, SPLIT_TOO}:
        return _split(value, member, schema)
    if member == INPUTS and isinstance(value, dict):
        return of_object(value, member)
    if not isinstance(value, list):
        raise InvalidCall(f"{member}: a list was expected{' or a dictionary' if member == INPUTS else ''}")
    return of_rows(value, schema)


def _split(value: Json, member: str, schema: Schema) -> Rows:
    """The cells of the split form of pandas, by position if it has no `columns`."""
    if not isinstance(value, dict):
        raise InvalidCall(f"{member}: a dictionary was expected, with columns and data")
    if unknown := sorted(value.keys() - SPLIT_KEYS):
        raise InvalidCall(f"{member}: {unknown[:5]} are not known; it has columns, data and index")
    data, names = value.get("data"), value.get("columns")
    if not isinstance(data, list):
        raise InvalidCall(f"{member}: data was expected to be a list of rows")
    if names is None:
        return by_position(data, schema)
    if not isinstance(names, list):
        raise InvalidCall(f"{member}: columns was expected to be a list of names")
    texts = [name if isinstance(name, str) else json.dumps(name) for name in names]
    if len(set(texts)) < len(texts):
        raise InvalidCall(f"{member}: columns names one column twice")
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(texts):
            raise InvalidCall(f"{member}: row {index} of data does not have the {len(texts)} values of columns")
    if not data:
        return {name: [] for name in texts}
    return dict(zip(texts, map(list, zip(*data, strict=True)), strict=True))


def wants_probabilities(params: Json, member: str) -> bool:
    """Whether `predict_fn` of the parameters is `predict_proba`; raises InvalidCall."""
    if params is None:
        return False
    if not isinstance(params, dict):
        raise InvalidCall(f"{member}: a dictionary was expected")
    function = params.get("predict_fn", "predict")
    if function not in {"predict", "predict_proba"}:
        raise InvalidCall(f"{member}: predict_fn is {str(function)[:40]!r}; send predict or predict_proba")
    return function == "predict_proba"


def _headers(call: Call, ignored: list[str]) -> tuple[tuple[str, str], ...]:
    headers: tuple[tuple[str, str], ...] = ()
    if ignored:
        names = ", ".join(quote(name[:100]) for name in ignored[:_MOST_IGNORED])
        headers = ((wire.IGNORED_COLUMNS, names + (", ..." if len(ignored) > _MOST_IGNORED else "")),)
    attributes = call.headers.get(_ATTRIBUTES, "")
    if attributes and attributes.isascii() and attributes.isprintable() and len(attributes) <= _LONGEST_ATTRIBUTES:
        headers += ((_ATTRIBUTES, attributes),)
    return headers


def write(scores: Scores, ask: Ask[Wants], attribution: Attribution) -> Reply:
    """The response; raises InvalidCall for probabilities that the model does not have."""
    wants = ask.wants
    predictions = chosen(scores, probabilities=wants.probabilities)
    if wants.csv:
        return Reply(_as_csv(predictions), [("Content-Type", "text/csv; charset=utf-8"), *wants.headers])
    body = {"predictions": predictions, **beside(scores), "model_version": attribution.manifest.version}
    return Reply(msgspec.json.encode(body), [("Content-Type", "application/json"), *wants.headers])


def chosen(scores: Scores, *, probabilities: bool) -> list[Any]:
    """The labels or the probabilities of the rows; raises InvalidCall for a model without the latter."""
    if not probabilities:
        return scores.labels
    if scores.probabilities is None:
        raise InvalidCall("this model has no predict_proba: ask for its predictions only")
    return scores.probabilities


def beside(scores: Scores) -> JsonObject:
    """The probabilities and classes, if the model has them."""
    if scores.probabilities is None or scores.classes is None:
        return {}
    return {"predict_proba": scores.probabilities, "classes": scores.classes}


def _as_csv(predictions: list[Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(row if isinstance(row, list) else [row] for row in predictions)
    return text.getvalue().encode()


def fault(problem: Problem) -> Reply:
    """A problem as `{"error_code", "message"}` beside its own members; what concerns the body is a 400."""
    status = problem["status"]
    body = {"error_code": _CODES.get(status, "BAD_REQUEST"), "message": sentence(problem), **problem}
    body["status"] = 400 if status == 422 else status
    return Reply(json.dumps(body).encode(), status=body["status"])


MLFLOW: Final = Dialect(
    name="mlflow",
    paths=("/invocations", "/ping", "/health", "/version"),
    calls=re.compile(r"(?:/models/(?P<model>[^/]+))?/invocations"),
    read=read,
    write=write,
    fault=fault,
    endings=("/invocations",),
)

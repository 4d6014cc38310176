"""The calls of predict_api other than predictions, for the OpenAPI document.

They are `GET /models`, `GET /models/{m}`, `/openapi.json`, `/apidocs`, `/livez`, `/readyz` and `/metrics`.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import (
    NAME,
    SHA256,
    TEXT,
    TIME,
    header,
    list_of,
    object_of,
    or_null,
    parameter,
    problems,
    ref,
    response,
)
from predict_api.openapi.answers import model_headers

_ANY: Final[JsonObject] = {"type": "object"}
_LINE: Final[JsonObject] = {
    "model": NAME,
    "version": or_null(SHA256),
    "sequence": {"type": ["integer", "null"]},
    "stale": {"type": "boolean", "description": "whether it could not be confirmed as current"},
}
_EXTRA: Final[JsonObject] = {
    "enum": ["forbid", "ignore"],
    "description": "what becomes of fields that are no columns",
}
_MODEL: Final[JsonObject] = {
    "size": {"type": "integer", "description": "bytes"},
    "created_at": TIME,
    "description": TEXT,
    "schema": object_of({"columns": list_of(ref("Column")), "extra": _EXTRA}, "extra"),
    "classes": {"type": ["array", "null"]},
    "estimator": _ANY,
    "metrics": {**_ANY, "additionalProperties": {"type": "number"}},
    "environment": {**_ANY, "additionalProperties": TEXT},
    "warnings": list_of(TEXT),
    "example": {**_ANY, "description": "`input`: a row made up from what is public of the schema"},
}
_COLUMN: Final[JsonObject] = {
    "nullable": {"type": "boolean", "description": "whether a value may be missing"},
    "public": {"type": "boolean", "description": "whether the publisher shows values of the training data"},
    "closed": {"const": True, "description": "only listed values are taken, which are not public"},
    "enum": {"type": "array", "description": "all that is allowed, if it is public"},
    "categories": {"type": "array", "description": "what was seen in training, if public; others are taken, too"},
    "range": {"type": "array", "description": "the least and the greatest that were seen in training, if public"},
    "format": {"type": "string", "description": "how values may be written: currency, percent, date"},
    "unit": TEXT,
    "description": TEXT,
}
_KIND: Final[JsonObject] = {"name": TEXT, "type": {"enum": ["number", "integer", "boolean", "string"]}}
_READY: Final[JsonObject] = {
    "status": {"const": "ready"},
    "models": list_of(NAME),
    "stale": list_of(NAME),
    "not_prepared": _ANY,
}
SCHEMAS: Final[JsonObject] = {  # to which the calls refer
    "Column": object_of({**_KIND, **_COLUMN}, *_COLUMN),
    "Line": object_of(_LINE),
    "Model": object_of({**_LINE, **_MODEL}),
}


def model_parameter(example: str) -> JsonObject:
    """The path parameter for the model."""
    return parameter("model", "path", NAME, "the model", example)


def other_calls(causes: Sequence[tuple[int, str]], default_model: str) -> JsonObject:
    """The calls by their paths."""
    models = object_of({"models": list_of(ref("Line")), "default": NAME})
    model = response("The model", ref("Model"), headers=model_headers(always=True))
    no_model = problems([cause for cause in causes if cause[0] in {404, 503}], model_headers(always=False))
    headers = {
        "ETag": header(TEXT, "changes with any model that is held", always=True),
        **model_headers(always=False),
    }
    document = response("The document", _ANY, headers=headers)
    unchanged: JsonObject = {"304": response("Unchanged", headers=headers)}
    page = response("Swagger UI over this document; needs no other host", TEXT, media_type="text/html")
    alive = response("It does", object_of({"status": {"const": "alive"}}))
    ready = response("It can", object_of(_READY, "not_prepared"))
    unready = problems(cause for cause in causes if cause[0] == 503)
    metrics = response("Prometheus' text format", TEXT, media_type="text/plain")
    return {
        "/models": _call("models", "describe", "What is served here", response("The models", models)),
        "/models/{model}": {
            "parameters": [model_parameter(default_model)],
            **_call("model", "describe", "One model: schema, classes, version", model, no_model),
        },
        "/openapi.json": _call("openapi", "describe", "This document", document, unchanged),
        "/apidocs": _call("apidocs", "describe", "This document as a page to try it out", page),
        "/livez": _call("livez", "probe", "Whether the process lives; asks nobody", alive),
        "/readyz": _call("readyz", "probe", "Whether a model is held that can answer", ready, unready),
        "/metrics": _call("metrics", "probe", "Counts and times of all workers", metrics),
    }


def _call(operation: str, tag: str, summary: str, good: JsonObject, others: JsonObject | None = None) -> JsonObject:
    responses: JsonObject = {"200": good, **(others or {})}
    return {"get": {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses}}

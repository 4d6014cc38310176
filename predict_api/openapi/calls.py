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
    "stale": {"type": "boolean", "description": "whether the version could not be confirmed as current"},
}
_EXTRA: Final[JsonObject] = {
    "enum": ["forbid", "ignore"],
    "description": "the treatment of fields that are not columns",
}
_MODEL: Final[JsonObject] = {
    "size": {"type": "integer", "description": "bytes"},
    "created_at": TIME,
    "description": TEXT,
    "schema": object_of({"columns": list_of(ref("Column")), "extra": _EXTRA}, "extra"),
    "classes": {"type": ["array", "null"]},
    "outputs": {**list_of(TEXT), "description": "the names of the values of a prediction, if it has several"},
    "row_independent": {
        "type": "boolean",
        "description": "whether the answer to a row is the same whatever other rows a request has",
    },
    "estimator": {**_ANY, "description": "`includes`: what `?include=` adds to an answer, beside `inputs`"},
    "metrics": {**_ANY, "additionalProperties": {"type": "number"}},
    "environment": {**_ANY, "additionalProperties": TEXT},
    "warnings": list_of(TEXT),
    "example": {**_ANY, "description": "`input`: a sample row from the public part of the schema"},
}
_COLUMN: Final[JsonObject] = {
    "nullable": {"type": "boolean", "description": "whether a value may be missing"},
    "public": {"type": "boolean", "description": "whether the publisher shows values of the training data"},
    "closed": {"const": True, "description": "the column accepts listed values only, and the list is not public"},
    "enum": {"type": "array", "description": "the accepted values, if they are public"},
    "categories": {"type": "array", "description": "the values seen in training, if public; others are accepted, too"},
    "range": {"type": "array", "description": "the least and the greatest value seen in training, if public"},
    "format": {"type": "string", "description": "the notation of values: currency, percent, date"},
    "unit": TEXT,
    "description": TEXT,
}
_KIND: Final[JsonObject] = {"name": TEXT, "type": {"enum": ["number", "integer", "boolean", "string"]}}
_READY: Final[JsonObject] = {
    "status": {"enum": ["ready", "degraded"], "description": "degraded: a model hangs, crashes or grows repeatedly"},
    "models": list_of(NAME),
    "stale": list_of(NAME),
    "not_prepared": _ANY,
    "degraded": {**_ANY, "description": "the version of each degraded model"},
    "confinement": {**_ANY, "description": "the measures of confinement of models, and whether each holds"},
}
SCHEMAS: Final[JsonObject] = {  # to which the calls refer
    "Column": object_of({**_KIND, **_COLUMN}, *_COLUMN),
    "Line": object_of(_LINE),
    "Model": object_of({**_LINE, **_MODEL}),
}


def model_parameter(example: str) -> JsonObject:
    """The path parameter for the model."""
    return parameter("model", "path", NAME, "the model", example)


def other_calls(causes: Sequence[tuple[int, str]], default_model: str, *, keys: bool = False) -> JsonObject:
    """The calls by their paths; with `keys`, those that tell about models need an API key."""
    models = object_of({"models": list_of(ref("Line")), "default": NAME})
    model = response("The model", ref("Model"), headers=model_headers(always=True))
    no_key = problems(cause for cause in causes if keys and cause[0] in {401, 429})
    refusals = {404, 503, *((401, 403, 429) if keys else ())}
    no_model = problems([cause for cause in causes if cause[0] in refusals], model_headers(always=False))
    headers = {
        "ETag": header(TEXT, "changes with each active version", always=True),
        **model_headers(always=False),
    }
    document = response("The document", _ANY, headers=headers)
    unchanged: JsonObject = {"304": response("Unchanged", headers=headers)}
    page = response("Swagger UI over this document; needs no other host", TEXT, media_type="text/html")
    alive = response("The process is alive", object_of({"status": {"const": "alive"}}))
    ready = response(
        "At least one model can answer", object_of(_READY, "models", "stale", "not_prepared", "degraded", "confinement")
    )
    unready = problems(cause for cause in causes if cause[0] == 503)
    metrics = response("Prometheus' text format", TEXT, media_type="text/plain")
    no_key_needed: JsonObject = {"security": []} if keys else {}
    probes: JsonObject = {
        "/apidocs": _call("apidocs", "describe", "This document as a page with forms", page, more=no_key_needed),
        "/livez": _call(
            "livez", "probe", "Whether the process is alive; calls no other service", alive, more=no_key_needed
        ),
        "/readyz": _call("readyz", "probe", "Whether a model can answer", ready, unready, no_key_needed),
        "/metrics": _call("metrics", "probe", "Metrics of all workers for Prometheus", metrics, more=no_key_needed),
    }
    return {
        "/models": _call("models", "describe", "The models that are served", response("The models", models), no_key),
        "/models/{model}": {
            "parameters": [model_parameter(default_model)],
            **_call("model", "describe", "One model: schema, classes, version", model, no_model),
        },
        "/openapi.json": _call("openapi", "describe", "This document", document, unchanged | no_key),
        **probes,
    }


def _call(
    operation: str,
    tag: str,
    summary: str,
    good: JsonObject,
    others: JsonObject | None = None,
    more: JsonObject | None = None,
) -> JsonObject:
    responses: JsonObject = {"200": good, **(others or {})}
    return {
        "get": {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses, **(more or {})}
    }

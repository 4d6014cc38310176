"""The calls of predict_api other than predictions, for the OpenAPI document.

They are `GET /models`, `GET /models/{m}`, `/openapi.json`, `/apidocs`, `/livez`, `/readyz` and `/metrics`.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.protocol.openapi_parts import NAME, SHA256, TEXT, TIME, header, parameter, problems, ref, response
from predict_api.openapi.answers import model_headers

_ETAG: Final = header(TEXT, "changes with any model that is held", always=True)
_LINE: Final[JsonObject] = {
    "model": NAME,
    "version": {"anyOf": [SHA256, {"type": "null"}]},
    "sequence": {"type": ["integer", "null"]},
    "stale": {"type": "boolean", "description": "whether it could not be confirmed as current"},
}
_MODEL: Final[JsonObject] = {
    "size": {"type": "integer", "description": "bytes"},
    "created_at": TIME,
    "description": TEXT,
    "schema": {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": ref("Column")},
            "extra": {"enum": ["forbid", "ignore"], "description": "what becomes of fields that are no columns"},
        },
        "required": ["columns"],
    },
    "classes": {"type": ["array", "null"]},
    "estimator": {"type": "object"},
    "metrics": {"type": "object", "additionalProperties": {"type": "number"}},
    "environment": {"type": "object", "additionalProperties": {"type": "string"}},
    "warnings": {"type": "array", "items": {"type": "string"}},
    "example": {"type": "object", "description": "`input`: a row made up from what is public of the schema"},
}
_COLUMN: Final[JsonObject] = {
    "name": TEXT,
    "type": {"enum": ["number", "integer", "boolean", "string"]},
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


def model_parameter(example: str) -> JsonObject:
    """The path parameter for the model."""
    return parameter("model", "path", NAME, "the model", example)


def describing_schemas() -> JsonObject:
    """The schemas to which `describing_calls` refers."""
    return {
        "Column": _object(_COLUMN, ["name", "type"]),
        "Line": _object(_LINE, list(_LINE)),
        "Model": _object(_LINE | _MODEL, [*_LINE, *_MODEL]),
    }


def describing_calls(causes: Sequence[tuple[int, str]], default_model: str) -> JsonObject:
    """The calls by their paths."""
    told = model_headers(always=True)
    models = _object({"models": {"type": "array", "items": ref("Line")}, "default": NAME}, ["models", "default"])
    alive = _object({"status": {"const": "alive"}}, ["status"])
    ready = _object(
        {
            "status": {"const": "ready"},
            "models": {"type": "array", "items": NAME},
            "stale": {"type": "array", "items": NAME},
            "not_prepared": {"type": "object"},
        },
        ["status", "models", "stale"],
    )
    unready = [cause for cause in causes if cause[0] == 503]
    missing = [cause for cause in causes if cause[0] in {404, 503}]
    model = response("The model", ref("Model"), headers=told)
    no_model = problems(missing, model_headers(always=False))
    metrics = response("Prometheus' text format", TEXT, media_type="text/plain")
    page = response("Swagger UI over this document; needs no other host", TEXT, media_type="text/html")
    return {
        "/models": _call("models", "describe", "What is served here", response("The models", models)),
        "/models/{model}": {
            "parameters": [model_parameter(default_model)],
            **_call("model", "describe", "One model: schema, classes, version", model, no_model),
        },
        "/openapi.json": _call("openapi", "describe", "This document", *_document_answers()),
        "/apidocs": _call("apidocs", "describe", "This document as a page to try it out", page),
        "/livez": _call("livez", "probe", "Whether the process lives; asks nobody", response("It does", alive)),
        "/readyz": _call(
            "readyz", "probe", "Whether a model is held that can answer", response("It can", ready), problems(unready)
        ),
        "/metrics": _call("metrics", "probe", "Counts and times of all workers", metrics),
    }


def _document_answers() -> tuple[JsonObject, JsonObject]:
    headers = {"ETag": _ETAG, **model_headers(always=False)}
    return response("The document", {"type": "object"}, headers=headers), {
        "304": response("Unchanged", headers=headers)
    }


def _object(properties: JsonObject, required: list[str]) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list[Json](required)}


def _call(operation: str, tag: str, summary: str, good: JsonObject, others: JsonObject | None = None) -> JsonObject:
    responses: JsonObject = {"200": good, **(others or {})}
    return {"get": {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses}}

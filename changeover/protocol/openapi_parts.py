"""The parts that both OpenAPI documents share: problems, headers, responses.

OpenAPI 3.1, whose schemas are JSON Schema 2020-12: https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Iterable, Mapping
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.names import MODEL_NAME, VERSION
from changeover.protocol import wire
from changeover.protocol.problem import MEDIA_TYPE as PROBLEM

OPENAPI: Final = "3.1.0"
JSON: Final = "application/json"
NAME: Final[JsonObject] = {"type": "string", "pattern": f"^{MODEL_NAME.pattern}$"}
SHA256: Final[JsonObject] = {"type": "string", "pattern": f"^{VERSION.pattern}$"}
TIME: Final[JsonObject] = {"type": "string", "format": "date-time"}
TEXT: Final[JsonObject] = {"type": "string"}
INTEGER: Final[JsonObject] = {"type": "integer"}


def ref(name: str) -> JsonObject:
    """A reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: JsonObject, **more: Json) -> JsonObject:
    """The schema of a list."""
    return {"type": "array", "items": items, **more}


def or_null(schema: JsonObject) -> JsonObject:
    """The schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def object_of(properties: JsonObject, *optional: str, **more: Json) -> JsonObject:
    """The schema of an object; all `properties` but the `optional` ones are required."""
    required: list[Json] = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, **more}


def shared_schemas() -> JsonObject:
    """The components that the responses in this file refer to."""
    error = object_of(
        {
            "row": {"type": ["integer", "null"], "minimum": 0},
            "field": {"type": ["string", "null"]},
            "message": TEXT,
        }
    )
    members: JsonObject = {
        "type": {**TEXT, "description": "a stable word for programs: urn:changeover:does-not-fit"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {**TEXT, "description": "the cause and the next step"},
        "errors": list_of(error, maxItems=20),
        "total": {**INTEGER, "description": "the number of validation errors; `errors` has the first 20"},
        "request_id": {**TEXT, "description": "the id of this request in the log"},
    }
    text = "RFC 9457 problem details: the form of every error response."
    return {"Problem": object_of(members, "errors", "total", "request_id", title="Problem", description=text)}


def header(schema: JsonObject, description: str, *, always: bool = False) -> JsonObject:
    """A header of a response; `always` if every such response has it."""
    return {"schema": schema, "description": description, "required": always}


def response(
    description: str,
    schema: JsonObject | None = None,
    *,
    media_type: str = JSON,
    headers: Mapping[str, JsonObject] | None = None,
    examples: Mapping[str, JsonObject] | None = None,
) -> JsonObject:
    """A response with its request id header; `examples` are values by their summary."""
    request_id = header(TEXT, "the id of the request in the log", always=True)
    body: JsonObject = {"description": description, "headers": {wire.REQUEST_ID: request_id, **(headers or {})}}
    if schema is not None:
        body["content"] = {media_type: {"schema": schema, **({"examples": dict(examples)} if examples else {})}}
    return body


def problems(causes: Iterable[tuple[int, str]], headers: Mapping[str, JsonObject] | None = None) -> JsonObject:
    """The error responses of a call, from (status, title); causes with one status share a response."""
    titles: dict[int, list[str]] = {}
    for status, title in causes:
        titles.setdefault(status, []).append(title)
    more = {
        429: {"Retry-After": header({**INTEGER, "minimum": 0}, "seconds until the next attempt", always=True)},
        503: {"Retry-After": header({**INTEGER, "minimum": 0}, "seconds until the next attempt", always=True)},
        401: {"WWW-Authenticate": header(TEXT, "the authentication scheme: Bearer", always=True)},
    }
    responses: JsonObject = {}
    for status, texts in sorted(titles.items()):
        all_headers = {**(headers or {}), **more.get(status, {})}
        text = "; ".join(dict.fromkeys(texts))
        responses[str(status)] = response(text, ref("Problem"), media_type=PROBLEM, headers=all_headers)
    return responses


def parameter(name: str, where: str, schema: JsonObject, description: str, example: Json = None) -> JsonObject:
    """A parameter in the `path` (always required), in the `query` or in a `header`."""
    body: JsonObject = {"name": name, "in": where, "required": where == "path", "schema": schema}
    return {**body, "description": description, **({} if example is None else {"example": example})}

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
_PROBLEM: Final[JsonObject] = {
    "title": "Problem",
    "description": "RFC 9457 problem details: the one shape of every error answer.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "a stable word for programs: urn:changeover:does-not-fit"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "the thing it is about, and the next step"},
        "errors": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": ["integer", "null"], "minimum": 0},
                    "field": {"type": ["string", "null"]},
                    "message": {"type": "string"},
                },
                "required": ["row", "field", "message"],
            },
        },
        "total": {"type": "integer", "description": "how many faults there are; `errors` lists the first 20"},
        "request_id": {"type": "string", "description": "by which the log tells more"},
    },
    "required": ["type", "title", "status", "detail"],
}


def shared_schemas() -> JsonObject:
    """The components that the responses in this file refer to."""
    return {"Problem": _PROBLEM}


def ref(name: str) -> JsonObject:
    """A reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


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
    told: JsonObject = {wire.REQUEST_ID: header({"type": "string"}, "the request's id, as the log has it", always=True)}
    told.update(headers or {})
    body: JsonObject = {"description": description, "headers": told}
    if schema is not None:
        content: JsonObject = {"schema": schema}
        if examples:
            content["examples"] = dict(examples)
        body["content"] = {media_type: content}
    return body


def problems(causes: Iterable[tuple[int, str]], headers: Mapping[str, JsonObject] | None = None) -> JsonObject:
    """The error responses of a call, from (status, title); causes with one status share a response."""
    titles: dict[int, list[str]] = {}
    for status, title in causes:
        titles.setdefault(status, []).append(title)
    found: JsonObject = {}
    for status, said in sorted(titles.items()):
        told = dict(headers or {})
        if status == 503:
            told["Retry-After"] = header({"type": "integer", "minimum": 0}, "seconds until another try", always=True)
        if status == 401:
            told["WWW-Authenticate"] = header({"type": "string"}, "the scheme: Bearer", always=True)
        text = "; ".join(dict.fromkeys(said))
        found[str(status)] = response(text, ref("Problem"), media_type=PROBLEM, headers=told)
    return found


def parameter(name: str, where: str, schema: JsonObject, description: str, example: Json = None) -> JsonObject:
    """A parameter in the `path` (always required), in the `query` or in a `header`."""
    told: JsonObject = {"name": name, "in": where, "required": where == "path", "schema": schema}
    told["description"] = description
    if example is not None:
        told["example"] = example
    return told

"""Parts of the descriptions of dialects: calls, and bodies whose rows have the columns of the current version."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import JSON, TEXT, object_of, ref, response
from predict_api.openapi.answers import model_headers
from predict_api.openapi.columns import sample_row
from predict_api.openapi.forms import array_of, cell_of
from predict_api.openapi.public_schema import columns_of, public_schema
from predict_api.replica.active import ActiveVersion

ANY: Final[JsonObject] = {"type": "object"}
Causes = Sequence[tuple[int, str]]


def batch_of(active: ActiveVersion) -> JsonObject:
    """The schema of rows of the active version."""
    return ref(f"{active.model}.Batch")


def by_position(active: ActiveVersion) -> JsonObject:
    """The schema of a row as an array, a value for each column in the order of the schema."""
    return array_of([cell_of(active.model, name) for name in sample_of(active)])


def sample_of(active: ActiveVersion) -> JsonObject:
    """A sample row of the active version."""
    return sample_row(columns_of(public_schema(active.prepared.manifest.schema)))


def errors(causes: Causes, schema: JsonObject) -> JsonObject:
    """The error responses: those of the service, and 400 for what is a 422 elsewhere."""
    statuses = sorted({400 if status == 422 else status for status, _ in causes})
    return {str(status): response("An error", schema, headers=model_headers(always=False)) for status in statuses}


def sentence_of(member: str, *others: str) -> JsonObject:
    """The schema of an error whose sentence is in `member`."""
    return object_of({member: {**TEXT, "description": "the cause and the next step"}, **dict.fromkeys(others, TEXT)})


def get(tag: str, operation: str, summary: str, responses: JsonObject) -> JsonObject:
    """A call by GET."""
    return {"get": {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses}}


def post(
    tag: str,
    operation: str,
    summary: str,
    bodies: Mapping[str, Any],
    answer: JsonObject,
    error_responses: JsonObject,
) -> JsonObject:
    """A call that predicts; `bodies` are the schemas of bodies by their members, each with an example.

    A body has one of these members. Others are ignored.
    """
    schemas: list[Any] = []
    examples: dict[str, Any] = {}
    for member, (schema, example) in bodies.items():
        schemas.append(object_of({member: schema}))
        examples[member] = {"value": {member: example}}
    content: JsonObject = {"schema": {"oneOf": schemas} if schemas else ANY}
    if examples:
        content["examples"] = examples
    good = response("The predictions", answer, headers=model_headers(always=True))
    return {
        "post": {
            "operationId": operation,
            "tags": [tag],
            "summary": summary,
            "requestBody": {"required": True, "content": {JSON: content}},
            "responses": {"200": good, **error_responses},
        }
    }

"""The calls of vetiver, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import JSON, TEXT, list_of, object_of, response
from predict_api.openapi.answers import model_headers
from predict_api.openapi.dialect_parts import ANY, Causes, batch_of, get, sample_of
from predict_api.replica.active import ActiveVersion

_TAG: Final = "vetiver"


def calls(active: Sequence[ActiveVersion], default_model: str, causes: Causes) -> JsonObject:
    """The calls by their paths."""
    statuses = sorted({422 if status == 400 else status for status, _ in causes})
    headers = model_headers(always=False)
    failed: JsonObject = {
        str(status): response("An error", TEXT, media_type="text/plain", headers=headers) for status in statuses
    }
    pong = response("The process is alive", object_of({"ping": {"const": "pong"}}))
    found: JsonObject = {"200": response("The default model", ANY), **failed}
    default = next((version for version in active if version.model == default_model), None)
    content: JsonObject = {"schema": list_of(ANY)}
    if default is not None:
        content = {"schema": batch_of(default), "example": [sample_of(default)]}
    good = response("The predictions", object_of({"predict": {"type": "array"}}), headers=model_headers(always=True))
    predict: JsonObject = {
        "operationId": "vetiver_predict",
        "tags": [_TAG],
        "summary": "Predict",
        "requestBody": {"required": True, "content": {JSON: content}},
        "responses": {"200": good, **failed},
    }
    return {
        "/vetiver/ping": get(_TAG, "vetiver_ping", "Whether the process is alive", {"200": pong}),
        "/vetiver/metadata": get(_TAG, "vetiver_metadata", "The version and its libraries", found),
        "/vetiver/prototype": get(_TAG, "vetiver_prototype", "The JSON Schema of a row", found),
        "/vetiver/predict": {"post": predict},
    }

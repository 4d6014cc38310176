"""The calls of the dialects that are on, for the OpenAPI document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from changeover.json_types import JsonObject
from predict_api.openapi import mlflow, open_inference, tensorflow_serving
from predict_api.replica.active import ActiveVersion

Causes = Sequence[tuple[int, str]]
# (active versions, the name of the default model, problems) -> paths
_Describe = Callable[[Sequence[ActiveVersion], str, Causes], JsonObject]
_CALLS: Final[Mapping[str, _Describe]] = {
    "oip": open_inference.calls,
    "mlflow": mlflow.calls,
    "tfs": tensorflow_serving.calls,
}


def dialect_calls(
    names: Sequence[str], active: Sequence[ActiveVersion], default_model: str, causes: Causes
) -> JsonObject:
    """The calls of these dialects, by their paths."""
    paths: JsonObject = {}
    for name in names:
        paths |= _CALLS[name](active, default_model, causes)
    return paths

"""The dialects that there are, by the names of the setting DIALECTS."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from predict_api.dialects.dialect import Dialect
from predict_api.dialects.mlflow import MLFLOW
from predict_api.dialects.open_inference import OPEN_INFERENCE
from predict_api.dialects.tensorflow_serving import TENSORFLOW_SERVING

KNOWN: Final[Mapping[str, Dialect[Any]]] = {
    dialect.name: dialect for dialect in (OPEN_INFERENCE, MLFLOW, TENSORFLOW_SERVING)
}


def dialects(names: Iterable[str]) -> tuple[Dialect[Any], ...]:
    """The dialects of these names."""
    return tuple(KNOWN[name] for name in names)

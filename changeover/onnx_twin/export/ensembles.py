"""The trees of every model that a graph is written for, whichever library it is of."""

from typing import Any

from changeover.onnx_twin.export.boosters import is_booster, trees_of_booster
from changeover.onnx_twin.export.tree_arrays import Ensemble, trees_of_sklearn


def ensemble_of(model: Any) -> Ensemble:
    """The trees of a fitted tree model; raises NoTwin for an unsupported one."""
    return trees_of_booster(model) if is_booster(model) else trees_of_sklearn(model)

"""The wrapper classes that not every supported scikit-learn has.

Each is a tuple for `isinstance`, which is empty where the class does not exist.
"""

from importlib import import_module
from typing import Any, Final


def _class(module: str, name: str) -> tuple[type[Any], ...]:
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError:
        return ()
    return (found,) if isinstance(found, type) else ()


FROZEN: Final = _class("sklearn.frozen", "FrozenEstimator")  # since 1.6
FIXED_THRESHOLD: Final = _class("sklearn.model_selection", "FixedThresholdClassifier")  # since 1.5
TUNED_THRESHOLD: Final = _class("sklearn.model_selection", "TunedThresholdClassifierCV")  # since 1.5

"""Preconditions that the checks in this package share."""

from typing import Any

import numpy as np

from changeover.exceptions import UnsafeState


def need(condition: object, where: str, fault: str) -> None:
    """Raise UnsafeState for the attribute `where` (`.tree_`) unless `condition` holds."""
    if not condition:
        raise UnsafeState(where, fault)


def attribute(thing: Any, name: str) -> Any:
    """An attribute of the object itself, None if it has none: no property and no `__getattr__` runs."""
    return vars(thing).get(name)


def is_count(value: object, least: int = 0) -> bool:
    """Whether `value` is an int or one of NumPy's, no bool, and at least `least`."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least

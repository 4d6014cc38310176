"""The comparison of two answers, with the tolerance that two processors need.

Golden rows are compared by it: at admission, on replicas, in `changeover verify` and `changeover diff`.
"""

import math
from typing import Final

from changeover.json_types import Json

RELATIVE: Final = 1e-6  # processors and BLAS builds differ in the last digits, different models in the first
ABSOLUTE: Final = 1e-9
PARTS: Final = ("prediction", "predict_proba")


def same(one: Json, other: Json) -> bool:
    """Whether two answers are equal: labels exactly, fractional numbers and probabilities to a relative 1e-6."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return one == other


def differing_part(one: Json, other: Json) -> str | None:
    """The first of `prediction` and `predict_proba` in which two answers to one row differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return PARTS[0]
    return next((part for part in PARTS if not same(one.get(part), other.get(part))), None)

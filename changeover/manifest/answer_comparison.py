"""The comparison of two answers, with the tolerance that two processors need.

Golden rows are compared by it: at admission, on replicas, in `changeover verify` and `changeover diff`.
"""

import math
from typing import Final

from changeover.json_types import Json

RELATIVE: Final = 1e-6  # processors and BLAS builds differ in the last digits, different models in the first
ABSOLUTE: Final = 1e-9
PARTS: Final = ("prediction", "predict_proba")


def same(left: Json, right: Json) -> bool:
    """Whether two answers are equal: labels exactly, fractional numbers and probabilities to a relative 1e-6."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, int) and isinstance(right, int):
            return left == right
        return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return left == right


def differing_part(left: Json, right: Json) -> str | None:
    """The first of `prediction` and `predict_proba` in which two answers to one row differ."""
    if not isinstance(left, dict) or not isinstance(right, dict):
        return PARTS[0]
    return next((part for part in PARTS if not same(left.get(part), right.get(part))), None)

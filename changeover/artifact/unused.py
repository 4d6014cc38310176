"""Placeholders for the parts of an artifact that no prediction uses: the distributions of a randomised search.

A fitted RandomizedSearchCV keeps them in `param_distributions`. SciPy's own `__setstate__` executes a string of its
state, so nothing of it is loaded: a placeholder takes the place of each distribution and drops its state.
"""

from typing import Final

from changeover.artifact import next_step
from changeover.exceptions import ForbiddenGlobal

DISTRIBUTIONS: Final = (
    "scipy.stats._continuous_distns",
    "scipy.stats._discrete_distns",
    "scipy.stats._distn_infrastructure",
)


class Distribution:
    """The placeholder of a distribution of SciPy, or of a method of one."""

    def __setstate__(self, state: object) -> None:
        """Drop the state."""


class Vectorized:
    """The placeholder of `numpy.vectorize`, which a discrete distribution makes of its own methods."""

    def __setstate__(self, state: object) -> None:
        """Drop the state; raises ForbiddenGlobal if it holds any other function."""
        if not isinstance(state, dict) or not isinstance(state.get("pyfunc"), Distribution):
            raise ForbiddenGlobal("numpy.vectorize", next_step.of("numpy.vectorize"))


PLACEHOLDERS: Final = (Distribution, Vectorized)

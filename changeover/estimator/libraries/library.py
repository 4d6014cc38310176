"""The questions about a model or transformer that another library than scikit-learn answers differently.

The answers here are those of scikit-learn's conventions. A file for one library overrides what differs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from changeover.estimator.encoded import Encoded, categories_of

Categories = Mapping[str, tuple[object, ...] | None]


class Library:
    """The answers for the objects of one library."""

    def adapted(self, model: Any) -> object:
        """`model` with the methods of a scikit-learn estimator: itself if it has them."""
        return model

    def names(self, part: Any) -> list[str] | None:
        """The names of the columns of the fit, in order, or None if it was fitted on an array."""
        names = getattr(part, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    def count(self, part: Any) -> int | None:
        """The number of columns of the fit, or None if unknown."""
        count = getattr(part, "n_features_in_", None)
        return None if count is None else int(count)

    def categories(self, part: Any) -> Categories:
        """The categories of each column of pandas' category type, in the order of the fit; None if they are not kept."""
        return {}

    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        """The facts of its input columns `names`; none if only the parts inside have some."""
        known = self.categories(part)
        return {name: categories_of(values) for name, values in known.items() if name in names and values is not None}

    def keeps_columns(self, part: Any) -> bool:
        """Whether the next step of a pipeline gets the same columns, so that its facts are theirs, too."""
        return False

    def dependence(self, part: Any) -> str | None:
        """Why its answer to a row may depend on the other rows of a call, or None."""
        return None

    @property
    def prepares(self) -> bool:
        """Whether `prepared` does anything."""
        return type(self).prepared is not Library.prepared

    def prepared(self, part: Any, frame: pd.DataFrame) -> pd.DataFrame:
        """`frame`, its direct input, with the types that the library takes."""
        return frame


def with_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with each column of true, false and None as float64 with NaN, which boosting libraries take."""
    odd = [name for name, dtype in frame.dtypes.items() if dtype.kind == "O" and isinstance(dtype, np.dtype)]
    return frame.assign(**{str(name): frame[name].astype("float64") for name in odd}) if odd else frame

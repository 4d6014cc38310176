"""Results of statsmodels: of a model of arrays, or of a formula.

The mean that `predict` returns is the answer. That of a Logit, a Probit and of a binomial GLM or GEE on labels is a
probability: such a result becomes a classifier, as a multinomial or ordered one does. The column of ones that
`add_constant` adds is not asked for. An offset or an exposure of the fit counts as none, as in `predict` itself.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.encoded import Encoded, categories_of
from changeover.estimator.libraries.adapted import AdaptedClassifier, AdaptedRegressor, Compute, Table
from changeover.estimator.libraries.formula_names import foreign_call, names_in, single_name
from changeover.estimator.libraries.library import Library
from changeover.exceptions import NotAnEstimator

_LEVEL: Final = re.compile(r"(.*)\[(.*)\]")
_TRUTHS: Final = {"True": True, "False": False}


class _Statsmodels(Library):
    def adapted(self, model: Any) -> object:
        inner = getattr(model, "model", None)
        names = getattr(inner, "exog_names", None)
        if names is None or not hasattr(model, "params") or type(model).__module__.startswith("statsmodels.tsa"):
            raise NotAnEstimator(
                f"a {type(model).__name__} of statsmodels answers no rows: publish the results that the `fit` of a "
                f"regression returned; a forecast goes on from its own history"
            )
        if getattr(inner, "formula", None) is None:
            asked, example, compute = _of_arrays(model, list(names))
        else:
            asked, example, compute = _of_formula(model)
        classes = _classes(inner)
        if classes is None:
            return AdaptedRegressor(model, compute, asked, len(asked), example)
        if _two_levels(inner) is not None:
            compute = _of_first(compute)
        return AdaptedClassifier(model, compute, asked, len(asked), example, classes)

    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        facts = {}
        for factor, known in _factors(part.original.model).items():
            name = single_name(factor)
            if name in names and known.type == "categorical":
                facts[str(name)] = categories_of(tuple(known.categories), closed=True)
        return facts

    def dependence(self, part: Any) -> str | None:
        inner = getattr(part, "model", None)
        called = foreign_call(_factors(inner) or str(getattr(inner, "formula", "")).partition("~")[2].split("+"))
        return None if called is None else f"its formula calls {called}, which may look at all rows"


LIBRARY: Final = _Statsmodels()
_Asked = tuple[list[str], pd.DataFrame | None, Compute]


def _of_arrays(results: Any, names: list[str]) -> _Asked:
    """The columns of the fit but the constant, and the call with them as an array: statsmodels ignores names."""
    inner = results.model
    constant = _constant(inner)
    # some models append the names of other parameters, such as a dispersion
    width = len(names) - getattr(inner, "k_extra", 0) if inner.exog is None else inner.exog.shape[1]
    names = names[:width]
    asked = [name for index, name in enumerate(names) if index != constant]

    def compute(table: Table) -> npt.NDArray[Any]:
        values = np.asarray(table, dtype=np.float64)
        if constant is not None:
            values = np.insert(values, constant, 1.0, axis=1)
        return np.asarray(results.predict(values))

    kept = getattr(inner.data, "orig_exog", None)
    return asked, kept[asked] if isinstance(kept, pd.DataFrame) else None, compute


def _constant(inner: Any) -> int | None:
    """The index of the column of ones, if there is one."""
    index = getattr(inner.data, "const_idx", None)
    if index is None or inner.exog is None:
        return index
    return index if (inner.exog[:, index] == 1).all() else None


def _of_formula(results: Any) -> _Asked:
    inner = results.model
    frame = getattr(inner.data, "frame", None)
    frame = frame if isinstance(frame, pd.DataFrame) else None
    codes = _factors(inner) or str(inner.formula).partition("~")[2].split("+")
    asked = names_in(codes, None if frame is None else [str(name) for name in frame.columns])

    def compute(table: Table) -> npt.NDArray[Any]:
        return np.asarray(results.predict(table))

    return asked, None if frame is None else frame[asked], compute


def _factors(inner: Any) -> dict[str, Any]:
    """The facts of each factor of the right side, by its code, of patsy; none from another engine of formulas."""
    for name in ("model_spec", "design_info"):  # the second was its name before statsmodels 0.15
        known = getattr(getattr(getattr(inner, "data", None), name, None), "factor_infos", None)
        if known is not None:
            return {factor.code: facts for factor, facts in known.items()}
    return {}


def _classes(inner: Any) -> list[object] | None:
    """The classes of which the mean is the probability, or None."""
    kind = type(inner).__name__
    if kind == "MNLogit":
        return _labels(inner)
    if kind == "OrderedModel":
        labels = getattr(inner, "labels", None)
        return list(range(inner.k_levels)) if labels is None else [*np.asarray(labels).tolist()]
    binomial = type(getattr(inner, "family", None)).__name__ == "Binomial"
    if not binomial and kind not in ("Logit", "Probit"):
        return None
    if (levels := _two_levels(inner)) is not None:
        return levels
    known = inner.endog is None or (np.isin(inner.endog, (0, 1)).all() and np.all(getattr(inner, "n_trials", 1) == 1))
    return [0, 1] if known else None


def _labels(inner: Any) -> list[object]:
    """The labels of a multinomial model, which keeps them as texts: whole numbers if all are."""
    texts = [str(text) for _, text in sorted(inner._ynames_map.items())]  # noqa: SLF001  there is no public way
    if all(text.lstrip("-").isdigit() for text in texts):
        return [int(text) for text in texts]
    return [*texts]


def _two_levels(inner: Any) -> list[object] | None:
    """The levels of a label of texts or truths in a formula: it becomes two columns, named `label[level]`."""
    names = inner.endog_names
    if not isinstance(names, list | tuple) or len(names) != 2:
        return None
    matches = [_LEVEL.fullmatch(str(name)) for name in names]
    if matches[0] is None or matches[1] is None or matches[0][1] != matches[1][1]:
        return None
    return [_TRUTHS.get(match[2], match[2]) for match in matches if match]


def _of_first(compute: Compute) -> Compute:
    """Both probabilities: the mean of two levels is that of the first."""

    def both(table: Table) -> npt.NDArray[Any]:
        mean = compute(table)
        return np.column_stack([mean, 1 - mean])

    return both

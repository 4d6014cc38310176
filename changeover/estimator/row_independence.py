"""Row independence: whether the answer to a row depends on the other rows of the same call.

A caller's answer must never depend on the rows of another caller. So a version whose rows are not independent is asked
for each request alone. The parts of libraries are known. A function in a FunctionTransformer and an object of one's own
class may look at all rows (`scale`, `np.cumsum`, `DataFrame.rank`), so they count as dependent, whatever they do: only
NumPy's ufuncs compute each element for itself. Two calls with the same rows, alone and in company, find further cases.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np

from changeover.estimator.golden_rows import ScoreFunction
from changeover.estimator.libraries.find import ROOTS, library_of, original_of
from changeover.estimator.scoring import score
from changeover.exceptions import RequestFaults, ScoringFailed
from changeover.json_documents import object_in
from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import same
from changeover.request.decode import decode
from changeover.schema.sample_row import made_up_row
from changeover.schema.schema import Schema

MOST_COMPARED: Final = 10  # golden rows that are asked alone, too: each is a call of the model
# `_loss`: scikit-learn 1.5 to 1.8 was built so that its module of losses names itself without its package
_KNOWN: Final = frozenset({"sklearn", "imblearn", "changeover", "_loss", *ROOTS})
_OPAQUE: Final = frozenset({"xgboost", "lightgbm", "catboost", "statsmodels"})  # their parts are their own
_DATA: Final = frozenset(
    {
        "builtins",
        "collections",
        "functools",
        "datetime",
        "decimal",
        "re",
        "numpy",
        "scipy",
        "pandas",
        "joblib",
        "pyarrow",
    }
)
_PLAIN: Final = (str, int, float, complex, bytes, type, np.generic, np.random.RandomState, type(None))
# attributes that only fitting reads
_OF_THE_FIT: Final = frozenset({"scoring", "cv", "memory", "refit", "param_grid", "param_distributions", "cv_results_"})
_FUNCTIONS: Final = {
    "sklearn.preprocessing._function_transformer.FunctionTransformer": ("func", "inverse_func"),
    "sklearn.compose._target.TransformedTargetRegressor": ("inverse_func",),
    "sklearn.neighbors._base.NeighborsBase": ("weights",),
    "sklearn.impute._knn.KNNImputer": ("weights",),
    "sklearn.svm._base.BaseLibSVM": ("kernel",),
}
_CONVERGES: Final = "stops when all rows of a call together have converged"
_AT_ALL_ROWS: Final = {
    "sklearn.decomposition._nmf._BaseNMF": _CONVERGES,
    "sklearn.decomposition._nmf.NMF": _CONVERGES,  # of older releases
    "sklearn.impute._iterative.IterativeImputer": "treats a call without any value otherwise",
}
_DRAWING: Final = ("stratified", "uniform")  # strategies of a DummyClassifier: the position of a row is its draw


def members(estimator: object, schema: Schema, known: JsonObject) -> JsonObject:
    """`row_independent` of a manifest, and with its reason the `warnings`; `known` has the members of before."""
    reason = dependence(estimator) or difference(partial(score, estimator, schema), schema, object_in(known["golden"]))
    if reason is None:
        return {"row_independent": True}
    text = f"{reason}: the rows of a request are scored together, and never with those of another request"
    before = known.get("warnings")
    return {"row_independent": False, "warnings": [*(before if isinstance(before, list) else []), text]}


def dependence(estimator: object) -> str | None:
    """The part of a fitted `estimator` by which the answer to a row may depend on other rows, or None."""
    return next((reason for _, reason in _findings(estimator)), None)


def unknown_code(estimator: object) -> str | None:
    """The part of a fitted `estimator` that is a function, or a class of no known library, or None."""
    return next((reason for unknown, reason in _findings(estimator) if unknown), None)


def _findings(estimator: object) -> Iterator[tuple[bool, str]]:
    """The parts by which a row may depend on others, and whether it is code that is not known here."""
    waiting: list[object] = [estimator]
    seen: dict[int, object] = {}  # keeps them alive, so that no `id` is used twice
    while waiting:
        part = original_of(waiting.pop())
        if id(part) in seen or isinstance(part, _PLAIN):
            continue
        seen[id(part)] = part
        root = type(part).__module__.partition(".")[0]
        if root not in _DATA and not _is_function(part):
            if root not in _KNOWN:
                yield True, f"the {type(part).__name__} is no class of a known library"
                continue
            function, reason = _calls(part), _of_part(part) or library_of(part).dependence(part)
            if function is not None or reason is not None:
                yield function is not None, function or str(reason)
        if root not in _OPAQUE:
            waiting.extend((*_contents(part), *_inside(part)))


def difference(compute: ScoreFunction, schema: Schema, golden: JsonObject) -> str | None:
    """A golden row whose answer is another alone than in company, or in another order; None if there is none.

    A row of sample values joins them, so that a single golden row has company. Rows that the model refuses are left out.
    """
    rows = golden.get("rows")
    given = [row for row in rows if isinstance(row, dict)][:MOST_COMPARED] if isinstance(rows, list) else []
    asked = [(row, answer) for row in [*given, *_samples(schema)] if (answer := _answers(compute, schema, [row]))]
    together = _answers(compute, schema, [row for row, _ in asked])
    reversed_ = _answers(compute, schema, [row for row, _ in reversed(asked)])
    if together is None or reversed_ is None:
        return "rows that it answers alone are refused together" if asked else None
    for index, ((_, alone), joined, turned) in enumerate(zip(asked, together, reversed(reversed_), strict=True)):
        if not (same(alone[0], joined) and same(alone[0], turned)):
            which = f"golden row {index}" if index < len(given) else "a sample row"
            return f"{which} is answered {alone[0]} alone, {joined} with others, {turned} in the reverse order"
    return None


def _samples(schema: Schema) -> list[JsonObject]:
    return [{**made_up_row(schema, number)} for number in (0, 1)]


def _answers(compute: ScoreFunction, schema: Schema, rows: list[JsonObject]) -> list[Json] | None:
    """The prediction and the probabilities of each row, or None if the model refuses them."""
    if not rows:
        return []
    try:
        decoded = decode([*rows], schema, len(rows))
        scores = compute(decoded.columns, decoded.rows)
    except (RequestFaults, ScoringFailed):
        return None
    probabilities = scores.probabilities or [None] * len(rows)
    return [[label, row] for label, row in zip(scores.labels, probabilities, strict=True)]


def _contents(part: Any) -> Iterator[object]:
    """The objects in a container; numbers and strings of arrays and frames are none."""
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple | set | frozenset):
        yield from part
    elif isinstance(part, np.ndarray) and part.dtype == object:
        yield from (entry for entry in part.ravel().tolist() if not isinstance(entry, _PLAIN))


def _inside(part: Any) -> Iterator[object]:
    """The attributes of a part that a prediction may use: of a search, its best estimator alone."""
    if type(part).__module__.partition(".")[0] in _DATA or _is_function(part):
        return
    attributes = getattr(part, "__dict__", {})
    if "best_estimator_" in attributes:
        yield attributes["best_estimator_"]
        return
    yield from (value for name, value in attributes.items() if name not in _OF_THE_FIT)


def _is_function(part: object) -> bool:
    """Whether it is a function: `_FUNCTIONS` says where one sees all rows, others get one row or text at a time."""
    return callable(part) and hasattr(part, "__name__")


def _calls(part: Any) -> str | None:
    """The function that a part calls with all rows, or None."""
    for base in type(part).__mro__:
        for attribute in _FUNCTIONS.get(f"{base.__module__}.{base.__qualname__}", ()):
            function = getattr(part, attribute, None)
            if function is not None and not isinstance(function, str | np.ufunc):
                called = getattr(function, "__name__", type(function).__name__)
                return f"the {type(part).__name__} calls {called}, which may look at all rows"
    return None


def _of_part(part: Any) -> str | None:
    name = type(part).__name__
    for base in type(part).__mro__:
        qualified = f"{base.__module__}.{base.__qualname__}"
        if qualified in _AT_ALL_ROWS:
            return f"the {name} {_AT_ALL_ROWS[qualified]}"
    if name == "DummyClassifier" and getattr(part, "strategy", None) in _DRAWING:
        return f"the {name} draws its answers in the order of the rows"
    return None

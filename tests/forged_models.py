"""Fitted models with one forged part of their state, made of allowed names only, and pickles made by hand."""

import copyreg
import io
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import Bunch

RNG = np.random.default_rng(7)
X = RNG.random((60, 4))
Y = (X[:, 0] > 0.5).astype(int)
TWO = np.column_stack([Y, 1 - Y])


def dumped(value: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(value, target)
    return target.getvalue()


class Reduced:
    """Pickles as `function(*arguments)` with this state."""

    def __init__(self, function: Any, arguments: tuple[object, ...], state: object = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced


def given(model: Any, **forged: object) -> Any:
    """`model` with these attributes."""
    vars(model).update(forged)
    return model


def stacking() -> Any:
    return StackingRegressor([("a", Ridge()), ("b", Ridge(2.0))], LinearRegression(), cv=2).fit(X, Y)


def tree() -> Any:
    return DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)


def forged_tree(change: Callable[[dict[str, Any]], None], *arguments: object) -> Any:
    """A decision tree whose compiled tree is rebuilt from changed state."""
    model = tree()
    kind, made_of, state = model.tree_.__reduce__()
    state = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in state.items()}
    change(state)
    return given(model, tree_=Reduced(kind, arguments or made_of, state))


def node(field: str, value: object, place: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        state["nodes"][field][place] = value

    return change


def histogram(field: str, value: object, attribute: str = "nodes") -> Any:
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(X, Y)
    getattr(model._predictors[0][0], attribute)[field][0] = value
    return model


def neighbours(change: Callable[[list[Any]], None], algorithm: str = "kd_tree") -> Any:
    model = KNeighborsClassifier(algorithm=algorithm, leaf_size=5).fit(X, Y)
    function, arguments, state = model._tree.__reduce__()
    parts = [part.copy() if isinstance(part, np.ndarray) else part for part in state]
    change(parts)
    return given(model, _tree=Reduced(function, arguments, tuple(parts)))


def put(place: int, index: object, value: object, field: str | None = None) -> Callable[[list[Any]], None]:
    def change(parts: list[Any]) -> None:
        target = parts[place] if field is None else parts[place][field]
        target[index] = value

    return change


def replaced(place: int, value: object) -> Callable[[list[Any]], None]:
    def change(parts: list[Any]) -> None:
        parts[place] = value

    return change


def outside_its_state() -> np.random.RandomState:
    random = np.random.RandomState(0)
    random.set_state(("MT19937", random.get_state()[1], 1 << 20, 0, 0.0))
    return random


def sparse(**forged: object) -> Any:
    model = LogisticRegression().fit(X, Y).sparsify()
    vars(model.coef_).update(forged)
    return model


def machine(**forged: object) -> Any:
    return given(SVC().fit(X, Y), **forged)


def spline(**forged: object) -> Any:
    model = make_pipeline(SplineTransformer(), Ridge()).fit(X, Y)
    vars(model[0].bsplines_[0]).update(forged)
    return model


def doubled_lists(times: int) -> object:
    content: list[object] = [1.0]
    for _ in range(times):
        content = [content, content]
    return content


def doubled_pipelines(times: int) -> Any:
    model: Any = StandardScaler().fit(X)
    for _ in range(times):
        model = Pipeline([("a", model), ("b", model)])
    return model


def boosting() -> Any:
    return GradientBoostingRegressor(n_estimators=3).fit(X, Y)


def boosting_over_other_columns() -> Any:
    model = boosting()
    model.estimators_[1, 0] = GradientBoostingRegressor(n_estimators=1).fit(np.hstack([X, X]), Y).estimators_[0, 0]
    return model


def forest_with_a_loop() -> Any:
    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    model.estimators_[2] = forged_tree(node("left_child", 0))
    return model


def isolation_with_a_loop() -> Any:
    model = IsolationForest(n_estimators=3, random_state=0).fit(X)
    kind, made_of, state = model.estimators_[0].tree_.__reduce__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"]["right_child"][0] = 0
    return given(model, estimators_=[given(model.estimators_[0], tree_=Reduced(kind, made_of, state))])


class Named:
    """Pickles as an object of `kind`, made by `copyreg`, with this state."""

    def __init__(self, kind: type, state: object) -> None:
        self.kind, self.state = kind, state

    def __reduce__(self) -> Any:
        return (copyreg._reconstructor, (self.kind, object, None), self.state)  # type: ignore[attr-defined]


class Items:
    """Pickles as a Bunch of these items."""

    def __init__(self, items: dict[str, object]) -> None:
        self.items = items

    def __reduce__(self) -> Any:
        return (copyreg._reconstructor, (Bunch, dict, {}), None, None, iter(self.items.items()))  # type: ignore[attr-defined]


def note_of_an_array(**forged: object) -> bytes:
    """joblib's note of an array, with attributes of its own."""
    from joblib.numpy_pickle import NumpyArrayWrapper

    note = NumpyArrayWrapper(np.ndarray, (2,), "C", np.dtype("f8"), True, 16)
    vars(note).update(forged)
    return dumped(Named(NumpyArrayWrapper, vars(note)))

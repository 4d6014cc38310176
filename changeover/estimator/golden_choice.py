"""The choice of golden rows among the rows of an example, so that they show what the model distinguishes.

Chosen are rows with every category, every kind of missing value, the least and the greatest number, rows at thresholds
of the model, and some spread over the example.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from changeover.estimator.fitted_example import FittedExample
from changeover.estimator.thresholds import thresholds_of

SPREAD_ROWS: Final = 10
MOST_ROWS: Final = 200
MOST_CELLS: Final = 6_000  # of the rows of the example: a manifest holds them, and each replica replays them
_FEWEST: Final = 10
_LOOKED_AT: Final = 20_000  # rows of the example
_MOST_VALUES: Final = 50  # of one column; more are no categories
_MOST_THRESHOLDS: Final = 10


def chosen(estimator: object, example: FittedExample, names: Sequence[str]) -> FittedExample:
    """The chosen rows of `example`, and rows at thresholds of the model, each with the dtypes of the example."""
    rows = min(len(example.inputs), _LOOKED_AT)
    most = min(MOST_ROWS, max(_FEWEST, MOST_CELLS // max(1, len(names))))
    positions: dict[int, None] = dict.fromkeys(range(0, rows, max(1, rows // SPREAD_ROWS)))
    for index in range(len(names)):
        series = example.column(index).head(rows)
        for position in _telling(series, [*positions]):
            positions[position] = None
        if len(positions) >= most:
            break
    given = example.rows(sorted([*positions][:most]))
    at_thresholds = _at_thresholds(estimator, example, names, min(_MOST_THRESHOLDS, max(1, most // 6)))
    return given if at_thresholds is None else given.followed_by(at_thresholds)


def _telling(series: "pd.Series[Any]", already: list[int]) -> Iterator[int]:
    """The positions of rows whose value no row of `already` has: categories, kinds of missing, the ends of numbers."""
    values = series.to_numpy(dtype=object) if series.dtype == object else series
    gaps = series.isna().to_numpy()
    kinds: dict[str, int] = {}
    for position in np.flatnonzero(gaps).tolist():
        kinds.setdefault(type(values[position]).__name__ if series.dtype == object else "", position)
    seen_gaps = {
        type(values[position]).__name__ if series.dtype == object else "" for position in already if gaps[position]
    }
    yield from (position for kind, position in kinds.items() if kind not in seen_gaps)
    try:
        codes, distinct = pd.factorize(series)
    except TypeError:
        return
    if len(distinct) <= _MOST_VALUES:
        known = set(codes[already].tolist())
        kinds_of_values, first = np.unique(codes, return_index=True)
        pairs = zip(kinds_of_values.tolist(), first.tolist(), strict=True)
        yield from (position for code, position in pairs if code >= 0 and code not in known)
    elif series.dtype.kind in "iufM":
        present = np.flatnonzero(~gaps)
        numbers = series.to_numpy()[present]
        yield from (int(present[numbers.argmin()]), int(present[numbers.argmax()]))


def _at_thresholds(estimator: object, example: FittedExample, names: Sequence[str], most: int) -> FittedExample | None:
    """Rows of the example with one number at one of `most` thresholds, and its neighbours on both sides."""
    thresholds = thresholds_of(estimator, names)
    targets = [
        (index, threshold)
        for index, name in enumerate(names)
        if name in thresholds and example.column(index).dtype in (np.float64, np.float32)
        for threshold in thresholds[name]
    ]
    targets = targets[:: max(1, len(targets) // most)][:most]
    if not targets:
        return None
    changes = [
        (index, value)
        for index, threshold in targets
        for value in _neighbours(example.column(index).dtype.type(threshold))
    ]
    rows = example.rows([position % len(example.inputs) for position in range(len(changes))])
    inputs = rows.inputs.copy()
    for row, (index, value) in enumerate(changes):
        if isinstance(inputs, pd.DataFrame):
            inputs.iloc[row, index] = value
        else:
            inputs[row, index] = value
    return FittedExample(inputs)


def _neighbours(value: Any) -> list[Any]:
    return [np.nextafter(value, value.dtype.type(-np.inf)), value, np.nextafter(value, value.dtype.type(np.inf))]

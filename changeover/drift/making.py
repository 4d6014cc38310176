"""The making of a reference: from typed columns and the model's answers to bins and their counts."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from changeover.drift.counting import PROBABILITY_OF, NumberCounter
from changeover.drift.judging import HIGHEST
from changeover.drift.reference import MOST_COLUMNS, Categories, Numbers, Predictions, Reference, Texts, Variable
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Column, Schema

BINS: Final = 10  # of a column of numbers: the deciles
FEW_VALUES: Final = 20  # up to so many different values have a bin each
PROBABILITY_BINS: Final = 20  # of equal width
MOST_CLASSES: Final = 10  # whose probabilities have bins of their own
MOST_KNOWN: Final = 200  # categories; with more, a new value is nothing unusual
LONGEST_CATEGORY: Final = 200  # characters

Array = npt.NDArray[np.float64]
Origin = Literal["reference", "example"]


def make_reference(
    schema: Schema,
    columns: Mapping[str, Sequence[Cell]],
    rows: int,
    predictions: Predictions | None = None,
    origin: Origin = "reference",
) -> Reference:
    """The reference by `rows` rows of typed `columns`; None or NaN is a missing value."""
    binned = [column for column in schema.columns[:MOST_COLUMNS] if column.name in columns]
    variables = {column.name: _variable(column, columns[column.name]) for column in binned}
    return Reference(rows, variables, predictions, origin, len(schema.columns) - len(schema.columns[:MOST_COLUMNS]))


def make_predictions(
    labels: Sequence[Any], probabilities: Sequence[Sequence[float]] | None, classes: Sequence[Any] | None, n: int
) -> Predictions | None:
    """The bins of these answers, with their counts if `n`; None for answers of several values.

    `classes` are the labels in the order of `probabilities`; without them, answers that are numbers are a regressor's.
    """
    if not len(labels) or any(isinstance(label, list | tuple | dict) for label in labels[:1]):
        return None
    variables: dict[str, Variable] = {}
    if classes is None and all(type(label) in (int, float) for label in labels):
        variables["prediction"] = number_bins(np.asarray(labels, dtype=np.float64))
    else:
        seen = Counter(labels)
        values = [label for label, _ in seen.most_common(FEW_VALUES)] if classes is None else list(classes)[:MOST_KNOWN]
        variables["prediction"] = _category_bins(values, labels, ())
    if probabilities is not None and classes is not None and not isinstance(classes[0], list | tuple):
        matrix = np.asarray(probabilities, dtype=np.float64)
        variables |= {name: probability_bins(values) for name, values in probabilities_of(matrix, classes).items()}
    if not n:
        variables = {name: _without_counts(variable) for name, variable in variables.items()}
    return Predictions(n, variables)


def probabilities_of(matrix: Array, classes: Sequence[Any]) -> dict[str, Array]:
    """The probabilities that have bins, from float64[rows, classes]: the highest one, and those of the classes if few."""
    names = {HIGHEST: matrix.max(axis=1)}
    if len(classes) <= MOST_CLASSES:
        first = 1 if len(classes) == 2 else 0  # of two classes, one says it all
        names |= {f"{PROBABILITY_OF}{classes[index]}": matrix[:, index] for index in range(first, len(classes))}
    return names


def number_bins(values: Array) -> Numbers | Texts:
    """The bins of numbers at their deciles, or one for each value of a few; NaN is a missing value."""
    values = values[~np.isinf(values)]
    present = values[~np.isnan(values)]
    if not len(present):
        return Texts([0, len(values)])
    distinct = np.unique(present)
    least, most = float(distinct[0]), float(distinct[-1])
    exact: list[float] = []
    if len(distinct) <= FEW_VALUES:
        exact = distinct.tolist()
        edges = [(low + high) / 2 for low, high in itertools.pairwise(exact)]
    else:
        deciles = np.quantile(present, np.arange(1, BINS) / BINS, method="inverted_cdf")
        edges = [edge for edge in np.unique(deciles).tolist() if edge < most]
    return _counted(Numbers(edges, [], least, most, _scale(present), exact), values)


def probability_bins(values: Array) -> Numbers:
    """The bins of probabilities, of equal width."""
    edges = [index / PROBABILITY_BINS for index in range(1, PROBABILITY_BINS)]
    return _counted(Numbers(edges, [], 0.0, 1.0, _scale(values)), values)


def _counted(numbers: Numbers, values: Array) -> Numbers:
    counts = NumberCounter(numbers).count(values).tolist()
    return Numbers(numbers.edges, counts, numbers.least, numbers.most, numbers.scale, numbers.values)


def _scale(present: Array) -> float:
    scale = float(np.std(present))
    return scale if math.isfinite(scale) else 0.0


def _variable(column: Column, cells: Sequence[Cell]) -> Variable:
    if column.type is not ColumnType.STRING:
        return number_bins(np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64))
    listed = set(column.enum or ())
    if column.categories is not None and len(column.categories) < MOST_KNOWN:
        listed |= set(column.categories)
    seen = Counter(cell for cell in cells if cell is not None)
    known = {*listed, *seen}
    if column.format is not None or len(known) > MOST_KNOWN or any(len(str(cell)) > LONGEST_CATEGORY for cell in known):
        return Texts([seen.total(), len(cells) - seen.total()])
    values = [value for value, _ in seen.most_common(FEW_VALUES)]
    return _category_bins(values, cells, [value for value in seen if value not in listed and value not in values])


def _category_bins(values: Sequence[Any], cells: Sequence[Any], others: Sequence[Any]) -> Categories:
    seen = Counter(cells)
    missing = seen.pop(None, 0)
    counts = [seen.pop(value, 0) for value in values]
    return Categories([*values], [*counts, seen.total(), 0, missing], [*others])


def _without_counts(variable: Variable) -> Variable:
    counts = [0] * len(variable.counts)
    if isinstance(variable, Numbers):
        return Numbers(variable.edges, counts, variable.least, variable.most, variable.scale, variable.values)
    return Categories(variable.values, counts, variable.others) if isinstance(variable, Categories) else Texts(counts)

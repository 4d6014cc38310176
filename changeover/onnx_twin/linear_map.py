"""The linear map of an ONNX twin: its scores in a few numpy calls, without onnxruntime.

`changeover/onnx_twin/export/fold.py` writes it into the twin's metadata if the whole graph is imputing, scaling,
one-hot encoding, selecting and a linear model. Each number is taken from a centre first, as a scaler does: without
that, a column of large numbers with a small spread would lose digits.
"""

import math
from enum import StrEnum
from itertools import repeat
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from changeover.exceptions import AskOriginal
from changeover.onnx_twin.exceptions import NoTwin
from changeover.request.tensors import Numbers, Texts

LINEAR_KEY: Final = "changeover.linear"
_Row = list[float]


class Link(StrEnum):
    """The function from the sums of the linear map to the scores of a row."""

    IDENTITY = "identity"
    SIGMOID = "sigmoid"  # one sum: the second of two probabilities
    SOFTMAX = "softmax"


class LinearMap(msgspec.Struct, frozen=True):
    """The numbers of the map, as stored: a row of `width` addends for each number, missing value and string.

    A number x of column j adds `(x - centres[j]) * weights[j]`, a missing one adds `missing[j]`; a row with a missing
    number is left to the model if that is None. A string adds its entry in the column's `texts`, or nothing.
    """

    link: Link
    intercept: _Row
    centres: _Row
    weights: list[_Row]
    missing: list[_Row | None]
    texts: list[dict[str, _Row]]

    @property
    def width(self) -> int:
        """The number of sums."""
        return len(self.intercept)

    def to_text(self) -> str:
        """The string form, read back by `from_text`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str, numbers: int, texts: int) -> Self:
        """Read the output of `to_text`, for a schema of `numbers` and `texts` columns; raises NoTwin."""
        try:
            linear = msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise NoTwin(f"the twin's linear map cannot be read ({error}): publish the model again") from error
        rows = [*linear.weights, *(row for row in linear.missing if row is not None)]
        rows += [row for table in linear.texts for row in table.values()]
        lengths = (len(linear.centres), len(linear.weights), len(linear.missing), len(linear.texts))
        if lengths != (numbers, numbers, numbers, texts) or any(len(row) != linear.width for row in rows):
            raise NoTwin(
                f"the twin's linear map has other columns than the schema ({numbers} numbers, {texts} strings)"
            )
        if not linear.width or (linear.link is Link.SIGMOID and linear.width != 1):
            raise NoTwin(f"the twin's linear map has {linear.width} sums: publish the model again")
        return linear


class _Addends(NamedTuple):
    """The addends of a column of strings, as float64[n + 1, width], the last row for a string without an entry."""

    positions: dict[str, int]
    rows: Numbers

    @classmethod
    def of(cls, table: dict[str, _Row], width: int) -> Self:
        """The addends of a table of a linear map."""
        rows = np.array([*table.values(), [0.0] * width], dtype=np.float64)
        return cls({text: position for position, text in enumerate(table)}, rows)

    def of_cells(self, cells: list[str]) -> Numbers:
        """The addends of each cell, as float64[N, width]."""
        positions = map(self.positions.get, cells, repeat(len(self.positions)))
        addends: Numbers = self.rows[np.fromiter(positions, dtype=np.intp, count=len(cells))]
        return addends


class LinearScorer:
    """The scores of a linear map, for one row and for many. Thread-safe."""

    def __init__(self, linear: LinearMap) -> None:
        self._link, self._intercept, self._texts = linear.link, linear.intercept, linear.texts
        self._centres = np.array([linear.centres], dtype=np.float64)
        self._weights = np.array(linear.weights, dtype=np.float64).reshape(-1, linear.width)
        self._missing = [[math.nan] * linear.width if row is None else row for row in linear.missing]
        self._all_missing = np.array(self._missing, dtype=np.float64).reshape(-1, linear.width)
        self._by_text = [_Addends.of(table, linear.width) for table in linear.texts]
        self._required = np.isnan(self._all_missing[:, 0])
        self._all_missing[self._required] = 0.0

    def one(self, numbers: Numbers, texts: Texts | None) -> list[float]:
        """The scores of a single row, as `many` computes them; raises AskOriginal if a sum is not finite.

        It leaves numpy after the product, since a call of numpy costs more than the arithmetic of a row.
        """
        product, missing = self._product(numbers)
        addends = [self._intercept, *product.tolist()]
        addends += [self._missing[column] for column in missing.nonzero()[1].tolist()]
        if texts is not None:
            for table, text in zip(self._texts, texts[0].tolist(), strict=True):
                if text in table:
                    addends.append(table[text])
        sums: _Row = [*map(sum, zip(*addends, strict=True))]
        if not all(map(math.isfinite, sums)):
            raise AskOriginal("the row has no finite answer")
        return _linked(sums, self._link)

    def many(self, numbers: Numbers, texts: Texts | None) -> Numbers:
        """The scores of rows, as float64[N, c]; NaN in a row that is left to the model."""
        with np.errstate(over="ignore", invalid="ignore"):
            product, missing = self._product(numbers)
            sums = product + self._intercept
            if np.count_nonzero(missing):
                sums += missing.dot(self._all_missing)
                sums[missing[:, self._required].any(axis=1)] = np.nan
            if texts is not None:
                for addends, cells in zip(self._by_text, texts.T.tolist(), strict=True):
                    sums += addends.of_cells(cells)
            sums[~np.isfinite(sums).all(axis=1)] = np.nan
            return _all_linked(sums, self._link)

    def _product(self, numbers: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """The product of rows and weights, to which missing numbers add nothing, and a mask of these."""
        centred = numbers - self._centres
        missing = np.isnan(numbers)
        if np.count_nonzero(missing):
            centred[missing] = 0.0
        return centred.dot(self._weights), missing


def _linked(sums: _Row, link: Link) -> _Row:
    if link is Link.IDENTITY:
        return sums
    if link is Link.SIGMOID:
        second = _sigmoid(sums[0])
        return [1.0 - second, second]
    largest = max(sums)
    powers = [math.exp(value - largest) for value in sums]
    total = sum(powers)
    return [power / total for power in powers]


def _sigmoid(value: float) -> float:
    if value >= 0.0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)  # of a negative number only: it cannot overflow
    return power / (1.0 + power)


def _all_linked(sums: Numbers, link: Link) -> Numbers:
    if link is Link.IDENTITY:
        return sums
    if link is Link.SIGMOID:
        powers = np.exp(-np.abs(sums))
        second = np.where(sums >= 0.0, 1.0, powers) / (1.0 + powers)
        return np.hstack([1.0 - second, second])
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    probabilities: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return probabilities

"""The nodes of a graph computed on symbols: tables that are sums over numbers, missing numbers and strings.

A `Table` has a row of addends for each *atom* of the input (a number of a column, a missing number, a string) and a
constant. Sums, products by constants and selections of tables are tables. Any other node raises NotLinear.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.description import NUMBERS, TEXTS
from changeover.onnx_twin.export.graph_builder import DOUBLE
from changeover.onnx_twin.linear_map import Link
from changeover.request.tensors import MISSING_TEXT

_MOST_CELLS: Final = 2_000_000  # of a table: 16 MB
Floats = npt.NDArray[np.float64]
_T = TypeVar("_T")


class NotLinear(Exception):
    """The graph has a node that is not folded."""


class Kind(Enum):
    """The kinds of atoms."""

    NUMBER = "number"  # less its centre; 0 if missing
    MISSING = "missing"  # 1 if the number is missing
    TEXT = "text"  # 1 if the string is `text`


class Atom(NamedTuple):
    """One summand of a table, in `column` of its input tensor."""

    kind: Kind
    column: int
    text: str = ""


@dataclass(frozen=True)
class Table:
    """`constant` plus a row of addends for each atom; NaN in a row leaves a row of the input to the model."""

    rows: dict[Atom, Floats]
    constant: Floats

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.constant)

    def mapped(self, change: Callable[[Floats], Floats]) -> "Table":
        """The table with `change`, which is linear, applied to each row."""
        return Table({atom: change(row) for atom, row in self.rows.items()}, change(self.constant))


@dataclass(frozen=True)
class Linked:
    """The link function of a table; `part` names an intermediate value: "sigmoids", or "total" of the sigmoids."""

    sums: Table
    link: Link
    part: str = ""


@dataclass(frozen=True)
class _Numbers:
    """Columns of the input tensor of numbers."""

    columns: list[int]


@dataclass(frozen=True)
class _Texts:
    """Columns of the input tensor of strings, each with the string that replaces a missing one."""

    columns: list[int]
    fills: list[str]
    codes: dict[str, int] | None = None  # after a LabelEncoder: the integer of each known string


@dataclass(frozen=True)
class _Missing:
    """A mask of the missing values in columns of an input tensor."""

    columns: list[int]
    of: type[_Numbers] | type[_Texts]


_Value = Any  # one of the classes above, or a constant as an array


class Folding:
    """One pass over the nodes of a graph; `centres` are subtracted from the numbers of the columns."""

    def __init__(self, graph: Any, centres: Floats, texts: int) -> None:
        from onnx import numpy_helper

        self._graph, self._centres = graph, centres
        self.subtracted: dict[int, float] = {}  # the first constant that a node subtracts from a column
        self._values: dict[str, _Value] = {
            constant.name: numpy_helper.to_array(constant) for constant in graph.initializer
        }
        self._values[NUMBERS] = _Numbers(list(range(len(centres))))
        self._values[TEXTS] = _Texts(list(range(texts)), [MISSING_TEXT] * texts)

    def output(self) -> Linked:
        """The output of the graph; raises NotLinear."""
        from onnx import helper

        for node in self._graph.node:
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            fold: Any = getattr(self, f"_{node.op_type.lower()}", None)
            if fold is None or len(node.output) != 1:
                raise NotLinear
            self._values[node.output[0]] = fold(attributes, *(self._values.get(name) for name in node.input))
        output = self._values[self._graph.output[0].name]
        linked = output if isinstance(output, Linked) else Linked(self._table(output), Link.IDENTITY)
        _check(not linked.part)
        return linked

    # a method for each operator, by its name in lower case: attributes and inputs in, output out

    def _identity(self, _attributes: object, value: _Value) -> _Value:
        return value

    def _cast(self, attributes: dict[str, Any], value: _Value) -> _Value:
        _check(attributes["to"] == DOUBLE)
        return self._table(value)

    def _isnan(self, _attributes: object, value: _Value) -> _Missing:
        return _Missing(_taken(value, _Numbers).columns, _Numbers)

    def _labelencoder(self, attributes: dict[str, Any], value: _Value) -> _Texts:
        texts = _taken(value, _Texts)
        _check({"keys_strings", "values_int64s"} <= set(attributes))
        keys = [_decoded(key) for key in attributes["keys_strings"]]
        return _Texts(texts.columns, texts.fills, dict(zip(keys, attributes["values_int64s"], strict=True)))

    def _equal(self, _attributes: object, value: _Value, constant: _Value) -> Table | _Missing:
        texts, wanted = _taken(value, _Texts), _taken(constant, np.ndarray).reshape(-1).tolist()
        if texts.codes is None:
            _check([_decoded(text) for text in wanted] == [MISSING_TEXT])
            return _Missing(texts.columns, _Texts)
        _check(len(wanted) == len(texts.columns) and -1 not in wanted)
        rows: dict[Atom, Floats] = {}
        for index, (column, fill, code) in enumerate(zip(texts.columns, texts.fills, wanted, strict=True)):
            for text, known in texts.codes.items():
                if known != code:
                    continue
                if text != MISSING_TEXT:
                    _row(rows, Atom(Kind.TEXT, column, text), len(wanted))[index] = 1.0
                if text == fill:
                    _row(rows, Atom(Kind.TEXT, column, MISSING_TEXT), len(wanted))[index] = 1.0
        return Table(rows, np.zeros(len(wanted)))

    def _where(self, _attributes: object, condition: _Value, fills: _Value, value: _Value) -> Table | _Texts:
        missing, row = _taken(condition, _Missing), _taken(fills, np.ndarray).reshape(-1).tolist()
        columns = _taken(value, missing.of).columns
        _check(missing.columns == columns and len(row) == len(columns))
        return self._numbers(columns, row) if missing.of is _Numbers else _Texts(columns, [*map(_decoded, row)])

    def _gather(self, attributes: dict[str, Any], value: _Value, indices: _Value) -> _Value:
        _check(attributes.get("axis", 0) == 1)
        return self._arrayfeatureextractor(attributes, value, indices)

    def _arrayfeatureextractor(self, _attributes: object, value: _Value, indices: _Value) -> _Value:
        chosen: list[int] = _taken(indices, np.ndarray).reshape(-1).tolist()
        if isinstance(value, _Numbers):
            return _Numbers([value.columns[index] for index in chosen])
        if isinstance(value, _Texts):
            columns, fills = [value.columns[index] for index in chosen], [value.fills[index] for index in chosen]
            return _Texts(columns, fills, value.codes)
        return self._table(value).mapped(lambda row: row[chosen])

    def _concat(self, attributes: dict[str, Any], *values: _Value) -> Table:
        _check(attributes["axis"] == 1)
        tables = [self._table(value) for value in values]
        rows: dict[Atom, Floats] = {}
        constant, start = np.concatenate([table.constant for table in tables]), 0
        for table in tables:
            for atom, row in table.rows.items():
                _row(rows, atom, len(constant))[start : start + table.width] = row
            start += table.width
        return Table(rows, constant)

    def _reshape(self, _attributes: object, value: _Value, _shape: _Value) -> Table:
        table = self._table(value)
        _check(table.width == 1)  # a list of predictions
        return table

    def _sub(self, _attributes: object, value: _Value, constant: _Value) -> Table:
        table = self._table(value)
        addends = _row_of(constant, table)
        for atom, row in table.rows.items():
            if atom.kind is Kind.NUMBER and (itself := np.flatnonzero(row == 1.0)).size:
                self.subtracted.setdefault(atom.column, float(addends[itself[0]]))
        return Table(table.rows, table.constant - addends)

    def _add(self, _attributes: object, value: _Value, constant: _Value) -> Table:
        table = self._table(value)
        return Table(table.rows, table.constant + _row_of(constant, table))

    def _mul(self, _attributes: object, value: _Value, constant: _Value) -> Table:
        table = self._table(value)
        factors = _row_of(constant, table)
        return table.mapped(lambda row: row * factors)

    def _div(self, _attributes: object, value: _Value, constant: _Value) -> Table | Linked:
        if isinstance(constant, Linked):
            sigmoids = _taken(value, Linked)
            _check((sigmoids.part, constant.part) == ("sigmoids", "total") and sigmoids.sums is constant.sums)
            return Linked(_second_of_two(sigmoids.sums), Link.SIGMOID)
        table = self._table(value)
        divisors = _row_of(constant, table)
        return table.mapped(lambda row: row / divisors)

    def _matmul(self, _attributes: object, value: _Value, constant: _Value) -> Table:
        table, factors = self._table(value), _taken(constant, np.ndarray)
        _check(factors.ndim == 2 and len(factors) == table.width)
        nothing = np.full(factors.shape[1], np.nan)  # a product of NaN is NaN, even by 0
        return table.mapped(lambda row: nothing if np.isnan(row).any() else row @ factors)

    def _softmax(self, attributes: dict[str, Any], value: _Value) -> Linked:
        _check(attributes.get("axis", -1) in (1, -1))
        return Linked(self._table(value), Link.SOFTMAX)

    # probabilities of two classes: sigmoids divided by their total, which is 1

    def _sigmoid(self, _attributes: object, value: _Value) -> Linked:
        return Linked(self._table(value), Link.SIGMOID, "sigmoids")

    def _abs(self, _attributes: object, value: _Value) -> Linked:
        sigmoids = _taken(value, Linked)
        _check(sigmoids.part == "sigmoids")
        return sigmoids

    def _reducesum(self, attributes: dict[str, Any], value: _Value, axis: _Value) -> Linked:
        _check(attributes.get("keepdims", 1) == 1 and _taken(axis, np.ndarray).tolist() == [1])
        return Linked(self._abs(attributes, value).sums, Link.SIGMOID, "total")

    def _table(self, value: _Value) -> Table:
        """Any numeric value as a table."""
        if isinstance(value, _Numbers):
            return self._numbers(value.columns, [np.nan] * len(value.columns))
        if isinstance(value, _Missing) and value.of is _Numbers:
            rows: dict[Atom, Floats] = {}
            for index, column in enumerate(value.columns):
                _row(rows, Atom(Kind.MISSING, column), len(value.columns))[index] = 1.0
            return Table(rows, np.zeros(len(value.columns)))
        return _taken(value, Table)

    def _numbers(self, columns: list[int], fills: Sequence[float]) -> Table:
        """Columns of numbers, with `fills` in place of missing ones."""
        rows: dict[Atom, Floats] = {}
        for index, (column, fill) in enumerate(zip(columns, fills, strict=True)):
            _row(rows, Atom(Kind.NUMBER, column), len(columns))[index] = 1.0
            _row(rows, Atom(Kind.MISSING, column), len(columns))[index] = fill - self._centres[column]
        return Table(rows, self._centres[columns])


def _check(condition: bool) -> None:
    if not condition:
        raise NotLinear


def _taken(value: _Value, kind: type[_T]) -> _T:
    _check(isinstance(value, kind))
    taken: _T = value
    return taken


def _row(rows: dict[Atom, Floats], atom: Atom, width: int) -> Floats:
    """The row of `atom`, which is added if it is not there."""
    _check((len(rows) + 1) * width <= _MOST_CELLS)
    return rows.setdefault(atom, np.zeros(width))


def _row_of(constant: _Value, table: Table) -> Floats:
    """A constant as one row of the table's width."""
    array = _taken(constant, np.ndarray)
    _check(array.size == 1 or (array.size == table.width == array.shape[-1]))
    return np.broadcast_to(array.reshape(-1), (table.width,)).astype(np.float64)


def _second_of_two(sums: Table) -> Table:
    """The second of two sums that are each other's negative, as a logistic regression has them for two classes."""
    rows = (*sums.rows.values(), sums.constant)
    _check(sums.width == 2 and all(np.array_equal(row[:1], -row[1:], equal_nan=True) for row in rows))
    return sums.mapped(lambda row: row[1:])


def _decoded(text: object) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)

"""The values of a graph without their numbers: the shape of each, and the integers of those that are shapes.

Every dimension is exact: an integer, or a multiple of the number of rows. Kernels that read a table by index, as trees
do, trust its width, so that a shape which cannot be computed is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from changeover.onnx_twin.exceptions import GraphRefused

MOST_DIMENSIONS: Final = 6
MOST_KNOWN: Final = 4096  # integers of a constant that are kept
LARGEST_NATURAL: Final = 2**31  # a cast to int32 keeps the sign below it


class Rows(NamedTuple):
    """A dimension of `times` entries for each row."""

    times: int


Dim = int | Rows
Shape = tuple[Dim, ...]
ROWS: Final = Rows(1)


@dataclass(frozen=True)
class Value:
    """A value: its shape; `known` are its integers, of a constant or of shapes, flat; `maps`: a list of maps.

    `natural`: no number in it is negative, and none is beyond 32 bits.
    """

    shape: Shape
    known: tuple[Dim, ...] | None = None
    maps: bool = False
    natural: bool = False


class Cells(NamedTuple):
    """The number of cells of a shape: `number`, or `number` for each row."""

    number: int
    by_row: bool


def cells(shape: Iterable[Dim]) -> Cells:
    """The number of cells; raises GraphRefused if it grows with the square of the number of rows."""
    count, by_row = 1, False
    for dim in shape:
        if isinstance(dim, Rows):
            if by_row:
                raise GraphRefused("a value of the graph grows with the square of the number of rows")
            by_row, count = True, count * dim.times
        else:
            count *= dim
    return Cells(count, by_row)


def as_dim(size: Cells) -> Dim:
    """The dimension of so many cells."""
    return Rows(size.number) if size.by_row else size.number


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The common shape of numpy's rules; raises GraphRefused."""
    rank = max(map(len, shapes))
    result: list[Dim] = []
    for dims in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        others = {dim for dim in dims if dim != 1}
        if len(others) > 1:
            raise GraphRefused(f"values of the graph do not fit each other: {_shown(dims)}")
        result.append(others.pop() if others else 1)
    return tuple(result)


def divided(total: Cells, by: Cells) -> Dim:
    """The dimension that makes `by` cells `total`; raises GraphRefused."""
    if by.by_row and not total.by_row:
        raise GraphRefused("a value of the graph cannot be reshaped so")
    if by.number == 0 or total.number % by.number:
        raise GraphRefused("a value of the graph cannot be reshaped so")
    return as_dim(Cells(total.number // by.number, total.by_row and not by.by_row))


def axis_of(axis: int, rank: int) -> int:
    """The axis counted from 0; raises GraphRefused."""
    if not -rank <= axis < rank:
        raise GraphRefused(f"the axis {axis} of a value with {rank} dimensions")
    return axis % rank


def without(shape: Shape, axes: Sequence[int], *, keep: bool) -> Shape:
    """The shape after a reduction over axes, which stay as 1 if `keep`; raises GraphRefused."""
    chosen = {axis_of(axis, len(shape)) for axis in axes}
    if keep:
        return tuple(1 if index in chosen else dim for index, dim in enumerate(shape))
    return tuple(dim for index, dim in enumerate(shape) if index not in chosen)


def fixed(dim: Dim, what: str) -> int:
    """A dimension that must not depend on the rows; raises GraphRefused."""
    if isinstance(dim, Rows):
        raise GraphRefused(f"{what} depends on the number of rows")
    return dim


def _shown(shape: Iterable[Dim]) -> str:
    return ", ".join(f"{dim.times} x rows" if isinstance(dim, Rows) else str(dim) for dim in shape)

"""The conversion of typed columns to an ONNX twin's two tensors: float64 numbers and strings.

Two tensors cost a tenth of a hundred single ones. Both are in the order of the schema.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from changeover.exceptions import AskOriginal
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

Numbers = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

MISSING_TEXT: Final = "\ufdd0"  # a Unicode noncharacter, reserved for internal use
LARGEST: Final = 2.0**53  # above it, not every integer is a double


def layout(schema: Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the columns in `numbers` (number, integer, boolean) and in `texts` (string), in their order."""
    return schema.numbers_and_texts


def tensors(schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> tuple[Numbers, Texts | None]:
    """The two tensors for typed `columns`, as `decode` makes them: float64[rows, k] and object[rows, m].

    A missing number or boolean is NaN, a missing string is MISSING_TEXT; `texts` is None without string columns. Numbers
    are rounded as by `as_fitted`. Raises AskOriginal for a string that equals MISSING_TEXT.
    """
    numeric, textual = layout(schema)
    numbers = np.empty((rows, len(numeric)))
    for index, name in enumerate(numeric):
        numbers[:, index] = columns[name]  # None becomes NaN
    numbers = as_fitted(schema, numbers)
    if not textual:
        return numbers, None
    texts = np.empty((rows, len(textual)), dtype=object)
    for index, name in enumerate(textual):
        cells = columns[name]
        if MISSING_TEXT in cells:
            raise AskOriginal(f"a string of column {name!r} equals the marker of a missing string")
        texts[:, index] = [MISSING_TEXT if cell is None else cell for cell in cells]
    return numbers, texts


def as_fitted(schema: Schema, numbers: Numbers) -> Numbers:
    """`numbers` with float32 columns rounded to float32, as the model gets them; the same array without such columns."""
    single = schema.float32_numbers
    if not single:
        return numbers
    rounded = numbers.copy()
    rounded[:, single] = numbers[:, single].astype(np.float32)
    return rounded

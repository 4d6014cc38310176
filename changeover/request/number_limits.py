"""The refusal of numbers beyond float32, in which scikit-learn's trees compute.

For such a number the model would raise or return NaN.
"""

from typing import Final

import numpy as np

from changeover.request.decode import Decoded
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import LARGEST, Cell

_FEW_ROWS: Final = 16  # below this a loop is faster than building an array


def refuse_what_is_too_large(decoded: Decoded) -> None:
    """Raise RequestFaults naming every row and field whose number is beyond plus or minus LARGEST."""
    # every cell of a number column is a float; 64-bit integers are within the bounds
    numbers = [cells for cells in decoded.columns.values() if cells and type(cells[0]) is float]
    if not (any(map(_beyond, numbers)) if decoded.rows < _FEW_ROWS else _beyond_in_many(numbers)):
        return
    errors = ValidationErrors()
    for row in range(decoded.rows):
        for name, cells in decoded.columns.items():
            if _beyond(cells[row : row + 1]):
                errors.add(row, name, f"the number is too large: at most {LARGEST:.2g} is taken, of either sign")
    raise errors.error()


def _beyond(cells: list[Cell]) -> bool:
    for cell in cells:  # noqa: SIM110 a generator would take twice the time, in every request
        if type(cell) is float and not -LARGEST <= cell <= LARGEST and cell == cell:  # NaN differs from itself
            return True
    return False


def _beyond_in_many(columns: list[list[Cell]]) -> bool:
    return bool(columns) and bool((np.abs(np.array(columns, dtype=np.float64)) > LARGEST).any())

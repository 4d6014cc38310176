"""Numbers too large to compute with are refused before the model is asked: it would raise, or answer NaN.

The bound is that of a float of 32 bits, in which scikit-learn's trees compute; `predict_api/openapi_columns.py` tells it.
"""

import numpy as np

from changeover.cells import ColumnType
from changeover.decode import Decoded
from changeover.faults import Faults
from changeover.schema import Schema
from predict_api.openapi_columns import LARGEST


def refuse_what_is_too_large(decoded: Decoded, schema: Schema) -> None:
    """Raise RequestFaults naming every row and field whose number is beyond LARGEST, of either sign."""
    names = [column.name for column in schema.columns if column.type is ColumnType.NUMBER]
    if not names or not decoded.rows:
        return
    cells = np.array([decoded.columns[name] for name in names], dtype=np.float64)
    beyond = np.abs(cells) > LARGEST  # NaN is not
    if not beyond.any():
        return
    faults = Faults()
    for row, place in np.argwhere(beyond.T).tolist():
        faults.add(row, names[place], f"the number is too large: at most {LARGEST:.2g} is taken, of either sign")
    raise faults.error()

"""Rendering of scores as an Arrow stream of one record batch."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from changeover.request import arrow_arrays
from predict_api.prediction.score_columns import as_text, score_columns

_KINDS: Final = (  # the types of all values of a column, and the types of the array
    ({float}, pa.float64(), np.float64),
    ({int}, pa.int64(), np.int64),
    ({int, float}, pa.float64(), np.float64),
)


def render_arrow(scores: Scores, manifest: Manifest) -> bytes:
    """The body of the response; the metadata of its schema has `model_version`."""
    arrays = {name: _array(values) for name, values in score_columns(scores, manifest.outputs).items()}
    fields = [pa.field(name, array.type) for name, array in arrays.items()]
    schema = pa.schema(fields, metadata={"model": manifest.model, "model_version": manifest.version})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema))
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _array(values: Sequence[Any]) -> pa.Array:
    """Numbers, booleans, or strings; values of mixed types as the text of JSON."""
    kinds = set(map(type, values))
    valid = arrow_arrays.validity(values) if type(None) in kinds else None
    kinds.discard(type(None))
    if kinds == {bool}:
        return arrow_arrays.boolean_array([*map(bool, values)], valid)
    for types, kind, dtype in _KINDS:
        if kinds and kinds <= types:
            try:
                there = values if valid is None else [0 if value is None else value for value in values]
                numbers = np.fromiter(there, dtype, len(values))  # faster than np.array
            except OverflowError:  # beyond 64 bits with a sign
                break
            return arrow_arrays.number_array(numbers, kind, valid)
    return arrow_arrays.text_array(["" if value is None else as_text(value) for value in values], valid)

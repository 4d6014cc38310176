"""Samples of schemas, rows and counts for the tests of drift."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from changeover.drift.counting import ReferenceCounter
from changeover.drift.reference import Reference
from changeover.estimator.scores import Scores
from changeover.request.decode import Decoded
from changeover.request.reader import RequestReader
from changeover.schema.column import Column
from changeover.schema.schema import Schema


def schema_of(columns: int) -> Schema:
    return Schema(tuple(Column(f"x{index}") for index in range(columns)))


def names(schema: Schema) -> list[str]:
    return list(schema.by_name)


def counted(
    reference: Reference, schema: Schema, rows: np.ndarray | Mapping[str, list[Any]], answers: Scores | None = None
) -> list[int]:
    """The vector of counts of a matrix, by the fast reader, or of columns, as the strict reader gives them."""
    if isinstance(rows, np.ndarray):
        request: Any = RequestReader(schema).read_columns(
            {n: rows[:, i] for i, n in enumerate(names(schema))}, len(rows)
        )
    else:
        request = Decoded(single=False, rows=len(next(iter(rows.values()))), columns=dict(rows))
    scores = answers or Scores([None] * request.rows, None, None)
    vectors = ReferenceCounter(reference, schema).count([request], [scores])
    total: list[int] = sum(vectors).tolist()  # type: ignore[union-attr]
    return total

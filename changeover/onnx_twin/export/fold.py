"""The folding of an exported graph into a linear map, if all its nodes are linear but the last."""

from typing import Any, Final

import numpy as np

from changeover.onnx_twin.export.symbolic_nodes import Floats, Folding, Kind, Linked, NotLinear
from changeover.onnx_twin.linear_map import LinearMap

_MOST_SUMS: Final = 32  # beyond it, the arithmetic of a row costs more than the nodes of the graph
_MOST_STORED: Final = 50_000  # numbers in the twin's metadata


def linear_map_of(graph: Any, numbers: int, texts: int) -> LinearMap | None:
    """The linear map of a graph over `numbers` and `texts` columns; None if it is no such map, or a large one."""
    try:
        with np.errstate(all="ignore"):
            centres = np.zeros(numbers)
            # The first folding finds the centres, with which the second makes its symbols.
            first = Folding(graph, centres, texts)
            first.output()
            for column, centre in first.subtracted.items():
                centres[column] = centre
            return _stored(Folding(graph, centres, texts).output(), centres, texts)
    except NotLinear:
        return None


def _stored(output: Linked, centres: Floats, texts: int) -> LinearMap | None:
    rows, sums = output.sums.rows, output.sums.width
    if sums > _MOST_SUMS or (2 * len(centres) + len(rows)) * sums > _MOST_STORED:
        return None
    if not all(np.isfinite(row).all() for row in (output.sums.constant, centres)):
        return None
    tables: list[dict[str, list[float]]] = [{} for _ in range(texts)]
    missing: list[list[float] | None] = [[0.0] * sums for _ in centres]
    weights = [[0.0] * sums for _ in centres]
    for atom, row in rows.items():
        if atom.kind is Kind.MISSING and np.isnan(row).any():
            missing[atom.column] = None
        elif not np.isfinite(row).all():
            return None
        elif atom.kind is Kind.TEXT:
            tables[atom.column][atom.text] = row.tolist()
        else:
            (missing if atom.kind is Kind.MISSING else weights)[atom.column] = row.tolist()
    return LinearMap(
        link=output.link,
        intercept=output.sums.constant.tolist(),
        centres=centres.tolist(),
        weights=weights,
        missing=missing,
        texts=tables,
    )

"""The digests in a receipt: of the inputs as they were understood, and of the answer.

Both are over compact JSON, with the shortest digits that give each number again. A missing value is null. So the digest
of the inputs is the same for each form of a body, and that of the answer for each form of a response.
"""

from collections.abc import Mapping, Sequence

import msgspec

from changeover import digest
from changeover.estimator.scores import Scores
from changeover.schema.cell_parsers import Cell


def inputs_sha256(names: Sequence[str], columns: Mapping[str, Sequence[Cell]]) -> str:
    """The SHA-256 of typed cells: `[[name, [cell, ...]], ...]`, with the columns in the order of the schema."""
    cells = [
        [name, [None if cell != cell else cell for cell in columns[name]]] for name in names
    ]  # NaN differs from itself
    return digest.sha256(msgspec.json.encode(cells))


def answer_sha256(scores: Scores) -> str:
    """The SHA-256 of scores: `[labels, probabilities, classes, included, failed]`."""
    body = [scores.labels, scores.probabilities, scores.classes, scores.included, scores.failed]
    return digest.sha256(msgspec.json.encode(body))

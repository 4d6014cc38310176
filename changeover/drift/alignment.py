"""The counts by one reference as counts by another one: of the columns and answers that have the same bins."""

from collections.abc import Sequence

from changeover.drift.reference import Categories, Numbers, Reference, Variable, parts


def aligned(counts: Sequence[int], theirs: Reference, ours: Reference) -> tuple[list[int], list[str]]:
    """The vector `counts` by `theirs` as one by `ours`, and the names whose bins differ, which have no counts in it."""
    known = {(part.name, part.of_predictions): part for part in parts(theirs)}
    vector: list[int] = []
    others: list[str] = []
    for part in parts(ours):
        other = known.get((part.name, part.of_predictions))
        same = None if other is None else _same(part.variable, other.variable, other.of(counts))
        if same is None:
            others.append(part.name)
        vector += same or [0] * part.variable.slots
    return vector, others


def _same(ours: Variable, theirs: Variable, counts: Sequence[int]) -> list[int] | None:
    """The counts in the order of our bins; None if the bins are others."""
    if isinstance(ours, Numbers) and isinstance(theirs, Numbers):
        return list(counts) if ours.edges == theirs.edges else None
    if isinstance(ours, Categories) and isinstance(theirs, Categories):
        if set(ours.values) != set(theirs.values):
            return None
        of_value = dict(zip(theirs.values, counts, strict=False))
        return [*(of_value[value] for value in ours.values), *counts[-3:]]
    return list(counts) if type(ours) is type(theirs) else None

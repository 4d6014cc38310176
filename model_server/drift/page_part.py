"""The part of a comparison that a page shows: the columns that changed most and the answers, by bins."""

from collections.abc import Sequence
from typing import Final

import msgspec

from changeover.drift.judging import Quality, Shift, Verdict, bin_names, bins, sentence
from changeover.drift.reference import Categories, Part
from changeover.json_types import Json, JsonObject
from model_server.drift.references import KnownReference

ON_A_PAGE: Final = 8  # columns


def page_part(
    verdict: Verdict, known: KnownReference, before: Sequence[int], now: Sequence[int], where: str
) -> JsonObject:
    """The members `quality`, `columns`, `predictions`, `columns_changed` and `columns_compared`.

    `before` and `now` are vectors by the bins of `known`; `where` are the words for the former. Columns that changed come
    first. Each has its `bins` in their order, and a `sentence` if it changed.
    """
    parts = {(part.of_predictions, part.name): part for part in known.parts}
    shifts = sorted(verdict.shifts, key=lambda shift: not shift.changed)
    changed = {shift.name for shift in shifts if shift.changed and not shift.of_predictions}
    changed |= {found.name for found in verdict.quality if found.changed}

    def shown(shift: Shift) -> JsonObject:
        part = parts[shift.of_predictions, shift.name]
        return {**_described(shift, where), "bins": _shares(part, before, now)}

    columns = [shift for shift in shifts if not shift.of_predictions]
    return {
        "quality": [_described(found, where) for found in verdict.quality[:ON_A_PAGE]],
        "columns": [shown(shift) for shift in columns[:ON_A_PAGE]],
        "predictions": [shown(shift) for shift in verdict.shifts if shift.of_predictions],
        "columns_changed": len(changed),
        "columns_compared": len(known.reference.columns),
    }


def _described(found: Shift | Quality, where: str) -> JsonObject:
    body: JsonObject = msgspec.to_builtins(found)
    return {**body, "sentence": sentence(found, where) if found.changed else ""}


def _shares(part: Part, before: Sequence[int], now: Sequence[int]) -> list[Json]:
    """The bins that are compared, each with its share before and now."""
    old, new = bins(part.variable, part.of(before)), bins(part.variable, part.of(now))
    m, n = max(1, sum(old)), max(1, sum(new))
    named = list(zip(bin_names(part.variable), old, new, strict=True))
    if isinstance(part.variable, Categories) and not (old[-1] or new[-1]):
        named.pop()  # there are no other values
    return [{"bin": name, "share_before": count / m, "share": other / n} for name, count, other in named]

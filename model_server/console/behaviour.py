"""The change of a model's behaviour: golden rows answered by two versions, and the drift of its columns.

Golden rows and their answers are in the manifests. The largest changes come first.
"""

import math
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import differing_part
from changeover.manifest.diff import golden_answers
from changeover.manifest.manifest import Manifest
from model_server.console.drift import drift
from model_server.console.parts import Page, Parts
from model_server.rollouts.model_state import ModelState

MOST_ROWS: Final = 6


def behaviour(parts: Parts, state: ModelState) -> Page:
    """The data of the part, for the current version and the one before it."""
    entry = state.entry
    after = parts.manifest(state.name, entry.version if entry else None)
    before = parts.manifest(state.name, entry.previous if entry else None)
    return {"golden": golden_rows(before, after), "drift": drift(parts.drift(state.name))}


def golden_rows(before: Manifest | None, after: Manifest | None, most: int = MOST_ROWS) -> Page:
    """The golden rows that both versions answered; `why` says what is missing for a comparison, if anything is."""
    empty: Page = {
        "compared": 0,
        "labels": 0,
        "moved": 0,
        "largest": 0.0,
        "rows": [],
        "before": None,
        "after": None,
        "why": "",
    }
    if after is None:
        return {**empty, "why": "No version is current yet."}
    if before is None:
        return {**empty, "after": after.version, "why": "There is no version before it to compare with."}
    old, new = golden_answers(before), golden_answers(after)
    common = [key for key in new if key in old]
    rows = [_row(new[key][0], old[key][1], new[key][1]) for key in common]
    rows.sort(key=lambda row: (not row["label_changed"], -float(row["move"])))
    why = "" if rows else "The two versions have no golden row in common, so their stored answers cannot be compared."
    figures = {
        "compared": len(rows),
        "labels": sum(row["label_changed"] for row in rows),
        "moved": sum(row["changed"] for row in rows),
        "largest": max((row["move"] for row in rows), default=0.0),
        "rows": rows[:most],
        "why": why,
    }
    return {**empty, **figures, "before": before.version, "after": after.version}


def _row(row: JsonObject, old: Json, new: Json) -> Page:
    changed = differing_part(old, new) is not None
    label_changed, move = change(old, new) if changed else (False, 0.0)
    return {
        "row": row,
        "old": shown_answer(old),
        "new": shown_answer(new),
        "changed": changed,
        "label_changed": label_changed,
        "move": move,
    }


def shown_answer(answer: Json) -> Page:
    """The prediction, and the largest probability if there are any."""
    if not isinstance(answer, dict):
        return {"prediction": answer, "probability": None}
    probabilities = answer.get("predict_proba")
    numbers = (
        [each for each in probabilities if isinstance(each, int | float)] if isinstance(probabilities, list) else []
    )
    return {"prediction": answer.get("prediction"), "probability": max(numbers, default=None)}


def change(old: Json, new: Json) -> tuple[bool, float]:
    """Whether the label is another one, and the largest move of a number: of a probability, or of the prediction."""
    left, right = (answer.get("prediction") if isinstance(answer, dict) else answer for answer in (old, new))
    moves = _moves(_proba(old), _proba(new))
    if isinstance(left, float) or isinstance(right, float):
        return False, max(_moves(left, right), moves)
    return left != right, moves


def _proba(answer: Json) -> Json:
    return answer.get("predict_proba") if isinstance(answer, dict) else None


def _moves(left: Json, right: Json) -> float:
    """The largest move between two numbers, or between two lists of them position by position."""
    if isinstance(left, list) and isinstance(right, list):
        return max((_moves(a, b) for a, b in zip(left, right, strict=False)), default=0.0)
    numbers = (int, float)
    if (
        isinstance(left, bool)
        or isinstance(right, bool)
        or not (isinstance(left, numbers) and isinstance(right, numbers))
    ):
        return 0.0
    move = abs(right - left)
    return move if math.isfinite(move) else 0.0

"""The part of a page about drift: whether the inputs or answers changed, in one sentence, and what is shown of them.

The figures are those of `model_server.drift.reports`, which a page gets as JSON.
"""

from typing import Any, Final

from changeover.json_types import JsonObject
from model_server.console.parts import Page
from model_server.console.words import plural

MOST_COLUMNS: Final = 5
MOST_ANSWERS: Final = 2  # the labels, and the highest probability
_CHANGED: Final = "changed"
_TOO_FEW: Final = "too few rows"


def drift(report: JsonObject | None) -> Page | None:
    """The data of the part; None if there is nothing to compare.

    `level`, `word` and `sentence` say whether something changed. `inputs` are those of the window against the reference;
    `answers` are those before and after the roll, or against the reference if there are too few of these.
    """
    if report is None:
        return None
    page: Page = dict(report)
    rolled = page["after_roll"]
    if rolled is not None and rolled["verdict"] == _TOO_FEW:
        rolled = None
    return {
        **page,
        **_verdict(page, rolled),
        "inputs": _inputs(page),
        "answers": _answers(page if rolled is None else rolled, page, by_roll=rolled is not None),
    }


def _verdict(page: Page, rolled: Page | None) -> Page:
    if page["verdict"] == _CHANGED:
        return _amber(f"{_what(page)} changed against the reference.")
    if rolled is not None and rolled["verdict"] == _CHANGED:
        return _amber(f"{_what(rolled)} changed with the roll.")
    compared = page if page["verdict"] != _TOO_FEW else rolled
    answers = " and answers" if compared and compared["predictions"] else ""
    where = "before the roll" if compared is rolled else "in the reference"
    return {"level": "green", "word": "no change", "sentence": f"The inputs{answers} are distributed as {where}."}


def _amber(sentence: str) -> Page:
    return {"level": "amber", "word": _CHANGED, "sentence": sentence}


def _what(compared: Page) -> str:
    """`3 of 100 columns and the answers`: what changed."""
    columns = compared["columns_changed"]
    of = f"{columns} of {plural(compared['columns_compared'], 'column')}" if columns else ""
    if not any(each["changed"] for each in compared["predictions"]):
        return of
    return f"{of} and the answers" if of else "The answers"


def _inputs(page: Page) -> Page:
    """The columns that changed, or those that moved most if none did; missing values and the like come first."""
    changed = [each for each in page["columns"] if each["changed"]]
    return {
        "quality": [found["sentence"] for found in page["quality"] if found["changed"]],
        "columns": (changed or page["columns"][:1])[:MOST_COLUMNS],
        "rows": page["window"]["rows"],
        "rows_before": page["reference"]["n"],
    }


def _answers(compared: Page, page: Page, *, by_roll: bool) -> Page:
    shown: list[Any] = compared["predictions"]
    chosen = sorted(shown, key=lambda each: _ORDER.get(each["name"], 2))[:MOST_ANSWERS]
    return {
        "by_roll": by_roll,
        "before": compared["previous"] if by_roll else None,
        "distributions": chosen,
        "rows": compared["rows"] if by_roll else page["window"]["rows"],
        "confidence": compared["confidence"],
    }


_ORDER: Final = {"prediction": 0, "highest probability": 1}

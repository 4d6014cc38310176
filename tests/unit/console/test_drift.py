"""The part of a page about drift: what its sentence says, and which columns and answers are shown."""

from typing import Any

import pytest

from model_server.console.charts import bars_of
from model_server.console.drift import drift
from model_server.console.parts import Page


def shift(name: str, *, changed: bool = False) -> Page:
    return {"name": name, "changed": changed}


def compared(verdict: str, columns: list[Page], predictions: list[Page], **more: Any) -> Page:
    changed = sum(each["changed"] for each in columns)
    found = {"verdict": verdict, "columns": columns, "predictions": predictions, "quality": [], "confidence": None}
    return {**found, "columns_changed": changed, "columns_compared": 100, **more}


def report(verdict: str, columns: list[Page], predictions: list[Page], after_roll: Page | None = None) -> Page:
    more: Page = {"window": {"rows": 1000}, "reference": {"n": 5000}, "after_roll": after_roll}
    return compared(verdict, columns, predictions, **more)


def shown(body: Page) -> Page:
    page = drift(body)
    assert page is not None
    return page


def test_without_a_report_there_is_no_part() -> None:
    assert drift(None) is None


QUIET = [shift("x0"), shift("x1")]
ANSWERS = [shift("probability of b"), shift("highest probability"), shift("prediction")]
MOVED = [shift("x0", changed=True), shift("x1", changed=True), shift("x2")]
OTHER_ANSWERS = [shift("prediction", changed=True)]
ROLLED = {"previous": "a" * 64, "rows": 400}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (report("changed", MOVED, ANSWERS), "2 of 100 columns changed against the reference."),
        (report("changed", MOVED, OTHER_ANSWERS), "2 of 100 columns and the answers changed against the reference."),
        (report("changed", QUIET, OTHER_ANSWERS), "The answers changed against the reference."),
        (
            report("unchanged", QUIET, [], compared("changed", QUIET, OTHER_ANSWERS, **ROLLED)),
            "The answers changed with the roll.",
        ),
        (report("unchanged", QUIET, []), "The inputs are distributed as in the reference."),
        (report("unchanged", QUIET, ANSWERS), "The inputs and answers are distributed as in the reference."),
        (
            report("too few rows", [], [], compared("unchanged", QUIET, ANSWERS, **ROLLED)),
            "The inputs and answers are distributed as before the roll.",
        ),
        (
            report("unchanged", QUIET, ANSWERS, compared("too few rows", [], [], **ROLLED)),
            "The inputs and answers are distributed as in the reference.",
        ),
    ],
)
def test_one_sentence_says_what_changed(body: Page, sentence: str) -> None:
    page = shown(body)
    assert page["sentence"] == sentence
    assert (page["level"], page["word"]) == (("amber", "changed") if " changed" in sentence else ("green", "no change"))


def test_columns_that_changed_are_shown_or_else_the_one_that_moved_most() -> None:
    assert [each["name"] for each in shown(report("changed", MOVED, []))["inputs"]["columns"]] == ["x0", "x1"]
    assert [each["name"] for each in shown(report("unchanged", QUIET, []))["inputs"]["columns"]] == ["x0"]
    assert shown(report("too few rows", [], []))["inputs"]["columns"] == []
    many = [shift(f"x{index}", changed=True) for index in range(8)]
    assert len(shown(report("changed", many, []))["inputs"]["columns"]) == 5


def test_answers_are_those_around_the_roll_if_there_are_enough() -> None:
    body = report("unchanged", QUIET, ANSWERS, compared("unchanged", QUIET, OTHER_ANSWERS, **ROLLED))
    answers = shown(body)["answers"]
    assert (answers["by_roll"], answers["before"], answers["rows"]) == (True, "a" * 64, 400)
    answers = shown(report("unchanged", QUIET, ANSWERS))["answers"]
    assert (answers["by_roll"], answers["rows"]) == (False, 1000)
    assert [each["name"] for each in answers["distributions"]] == ["prediction", "highest probability"]


def test_bars_keep_the_words_of_their_bins() -> None:
    first, second = bars_of(
        [{"bin": "up to 1", "share_before": 0.5, "share": 0.25}, {"bin": "above 1", "share_before": 0.5, "share": 1.0}]
    )
    assert (first["bin"], first["old"], first["new"]) == ("up to 1", 25.0, 12.5)
    assert (second["bin"], second["new"]) == ("above 1", 50.0)

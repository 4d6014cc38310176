"""Drawn frames and pipelines, published with an example: each answer over HTTP is the model's own.

`PIPELINES=2000 SEED=7` runs as many of another seed, `PIPELINE=123` only that one.
"""

import os
from collections import Counter
from functools import partial
from typing import Any

from sklearn.impute import KNNImputer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tests.own_answer.drawn.frames import KINDS
from tests.own_answer.drawn.pipelines import draw
from tests.own_answer.report import bad, counts, judged_all
from tests.own_answer.stack import AnswerStack
from tests.own_answer.verdict import Comparison, Outcome, Verdict, judged

SEED = int(os.environ.get("SEED", "14"))
NUMBERS = range(int(os.environ.get("PIPELINES", "60")))
if "PIPELINE" in os.environ:
    NUMBERS = range(int(os.environ["PIPELINE"]), int(os.environ["PIPELINE"]) + 1)
SINGLES = 50  # rows of the thousand that are also asked one by one
ALONE = NUMBERS[:: 1 if os.environ.get("OWN_ANSWER") == "all" else 6]


def judge(stack: AnswerStack, number: int, drawn: Counter[str], *, example: bool) -> Verdict:
    """The verdict of one pipeline; the kinds of its columns are added to `drawn`."""
    fitted = draw(SEED, number)
    drawn.update(fitted.words)
    singles = range(0, len(fitted.asked), max(1, len(fitted.asked) // SINGLES))
    given = fitted.example if example else None
    independent = not _by_neighbours(fitted.model)
    return judged(stack, Comparison(fitted.model, fitted.asked, given, singles, independent=independent))


def _by_neighbours(model: Any) -> bool:
    """Whether a part chooses neighbours: of two as near, rounding takes one for a row alone and another in a batch."""
    inside = model.get_params().values()
    return any(isinstance(part, KNNImputer | KNeighborsClassifier | KNeighborsRegressor) for part in inside)


def judged_numbers(stack: AnswerStack, numbers: range, *, example: bool) -> tuple[dict[str, Verdict], Counter[str]]:
    """The verdicts of these pipelines, and how often each kind of column was drawn; prints a summary."""
    drawn: Counter[str] = Counter()
    verdicts = judged_all(
        {f"SEED={SEED} PIPELINE={n}": partial(judge, stack, n, drawn, example=example) for n in numbers}
    )
    twins = sum(verdict.twin for verdict in verdicts.values())
    print(f"SEED={SEED}: {counts(verdicts.values())}; {twins} by a twin; columns {dict(drawn)}")  # noqa: T201
    return verdicts, drawn


def test_a_drawn_pipeline_gives_its_own_answers_or_is_refused_by_a_column(stack: AnswerStack) -> None:
    verdicts, drawn = judged_numbers(stack, NUMBERS, example=True)
    assert not bad(verdicts), "\n".join(bad(verdicts))
    if len(NUMBERS) >= 60:
        assert {word.removesuffix(" with missing values") for word in drawn} == set(KINDS)
        assert sum(verdict.outcome is Outcome.RIGHT for verdict in verdicts.values()) >= 0.9 * len(verdicts)
        assert sum(verdict.twin for verdict in verdicts.values()) >= len(NUMBERS) // 8


def test_as_bytes_alone_a_drawn_pipeline_gives_no_answer_but_its_own(stack: AnswerStack) -> None:
    verdicts, _ = judged_numbers(stack, ALONE, example=False)
    assert not bad(verdicts), "\n".join(bad(verdicts))

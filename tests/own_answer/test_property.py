"""Drawn frames and pipelines, published with an example: each answer over HTTP is the model's own.

`PIPELINES=2000 SEED=7` runs as many of another seed, `PIPELINE=123` only that one.
"""

import os
from collections import Counter

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


def test_a_drawn_pipeline_gives_its_own_answers_or_is_refused_by_a_column(stack: AnswerStack) -> None:
    drawn: Counter[str] = Counter()

    def judge(number: int) -> Verdict:
        fitted = draw(SEED, number)
        drawn.update(fitted.words)
        singles = range(0, len(fitted.asked), max(1, len(fitted.asked) // SINGLES))
        return judged(stack, Comparison(fitted.model, fitted.asked, fitted.example, singles, independent=True))

    verdicts = judged_all({f"SEED={SEED} PIPELINE={number}": lambda n=number: judge(n) for number in NUMBERS})  # type: ignore[misc]
    by_twin = sum(verdict.twin for verdict in verdicts.values())
    print(f"SEED={SEED}: {counts(verdicts.values())}; {by_twin} with a twin; columns {dict(drawn)}")  # noqa: T201
    assert not bad(verdicts), "\n".join(bad(verdicts))
    if len(NUMBERS) >= 60:
        assert {word.removesuffix(" with missing values") for word in drawn} == set(KINDS)
        assert sum(verdict.outcome is Outcome.RIGHT for verdict in verdicts.values()) >= 0.9 * len(verdicts)
        assert by_twin >= len(NUMBERS) // 6

"""161 kinds and more: every estimator that predicts, other containers, nested models. None answers wrongly.

All are tried with `OWN_ANSWER=all`, which takes minutes; otherwise every twelfth.
"""

import os
from functools import partial

import pytest

from tests.own_answer.kinds.containers import CONTAINERS
from tests.own_answer.kinds.estimators import ESTIMATORS
from tests.own_answer.report import bad, counts, judged_all
from tests.own_answer.stack import AnswerStack
from tests.own_answer.table.case import Case
from tests.own_answer.verdict import Comparison, Outcome, Verdict, judged

KINDS = {**ESTIMATORS, **CONTAINERS}
ALL = os.environ.get("OWN_ANSWER") == "all"
NAMES = list(KINDS)[:: 1 if ALL else 12]
REFUSED_WITH_EXAMPLE = 3  # at most, of all


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {name: KINDS[name]() for name in NAMES}


def verdicts_of(stack: AnswerStack, cases: dict[str, Case], *, example: bool) -> dict[str, Verdict]:
    verdicts = judged_all(
        {
            name: partial(judged, stack, Comparison(case.model, case.asked, case.example if example else None))
            for name, case in cases.items()
        }
    )
    twins = sum(verdict.twin for verdict in verdicts.values())
    others = [name for name, verdict in verdicts.items() if verdict.outcome is not Outcome.RIGHT]
    print(f"{len(verdicts)} kinds: {counts(verdicts.values())}; {twins} by a twin; not right: {others}")  # noqa: T201
    return verdicts


def test_there_are_161_kinds_at_least() -> None:
    assert len(KINDS) >= 161


def test_with_its_example_a_kind_gives_its_own_answers(stack: AnswerStack, cases: dict[str, Case]) -> None:
    verdicts = verdicts_of(stack, cases, example=True)
    assert not bad(verdicts), "\n".join(bad(verdicts))
    refused = [name for name, verdict in verdicts.items() if verdict.outcome is not Outcome.RIGHT]
    assert len(refused) <= (REFUSED_WITH_EXAMPLE if ALL else 1), refused


def test_as_bytes_alone_a_kind_gives_no_answer_but_its_own(stack: AnswerStack, cases: dict[str, Case]) -> None:
    verdicts = verdicts_of(stack, cases, example=False)
    assert not bad(verdicts), "\n".join(bad(verdicts))

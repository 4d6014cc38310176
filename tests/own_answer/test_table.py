"""Kinds of columns and models that were once answered wrongly: each answer over HTTP is the model's own.

Each model is published with the frame of its fit, and as bytes alone. Five cases of each line are tried, all of them with
`OWN_ANSWER=all`, and with `OWN_ANSWER_CASES=missing` those whose names contain that word.
"""

import os
from functools import partial

import pandas as pd
import pytest

from tests.own_answer import own_steps
from tests.own_answer.report import counts, judged_all
from tests.own_answer.stack import AnswerStack, Refused
from tests.own_answer.table.lines import CASES, MAY_BE_REFUSED, some_cases
from tests.own_answer.verdict import GOOD, Comparison, Outcome, Verdict, judged

WORD = os.environ.get("OWN_ANSWER_CASES", "")
NAMES = [name for name in CASES if WORD in name] if WORD or os.environ.get("OWN_ANSWER") == "all" else some_cases(5)


@pytest.fixture(scope="module")
def verdicts(stack: AnswerStack) -> dict[str, Verdict]:
    """What became of each case, by its name and the way of its publish."""
    cases = {name: CASES[name]() for name in NAMES}
    comparisons = {
        f"{name}, {way}": Comparison(case.model, case.asked, example, together=case.together)
        for name, case in cases.items()
        for way, example in (("with its frame", case.example), ("as bytes alone", None))
    }
    found = judged_all({name: partial(judged, stack, comparison) for name, comparison in comparisons.items()})
    print(counts(found.values()))  # noqa: T201
    return found


@pytest.mark.parametrize("name", NAMES)
def test_published_with_its_frame_a_model_gives_its_own_answers(verdicts: dict[str, Verdict], name: str) -> None:
    verdict = verdicts[f"{name}, with its frame"]
    good = GOOD if name in MAY_BE_REFUSED else {Outcome.RIGHT}
    assert verdict.outcome in good, verdict.reason


@pytest.mark.parametrize("name", NAMES)
def test_published_as_bytes_alone_a_model_gives_no_answer_but_its_own(verdicts: dict[str, Verdict], name: str) -> None:
    verdict = verdicts[f"{name}, as bytes alone"]
    assert verdict.outcome in GOOD, verdict.reason


@pytest.mark.parametrize("given", [True, False], ids=["with its frame", "as bytes alone"])
def test_a_model_that_keeps_a_callers_row_is_refused(stack: AnswerStack, given: bool) -> None:
    """Fault 73: the next caller would get an answer that tells of it."""
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.25, 4.0]})
    with (
        pytest.raises(Refused, match="golden row"),
        stack.served(own_steps.Keeper().fit(frame), frame if given else None),
    ):
        pass

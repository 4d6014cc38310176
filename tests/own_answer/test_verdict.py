"""The comparison itself: an answer that differs is seen, and a value is written as a caller writes it."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.own_answer.json_rows import Spelling, cell, rows_of
from tests.own_answer.stack import Answer, AnswerStack
from tests.own_answer.verdict import BY_ESTIMATOR, Comparison, Outcome, equal, judged, own_answers


@pytest.mark.parametrize(
    ("value", "written", "short"),
    [
        (None, None, None),
        (float("nan"), None, None),
        (pd.NA, None, None),
        (np.datetime64("NaT"), None, None),
        (np.float32(0.1), 0.10000000149011612, 0.1),
        (np.float64(3), 3.0, 3),
        (np.int64(2**53 + 1), 2**53 + 1, 2**53 + 1),
        (np.bool_(True), True, True),
        (pd.Timestamp("2024-02-29"), "2024-02-29T00:00:00", "2024-02-29"),
        (
            np.datetime64("2024-02-29T01:00:00.000000001"),
            "2024-02-29T01:00:00.000000001",
            "2024-02-29T01:00:00.000000001",
        ),
        (pd.Timestamp("2024-07-01", tz="Europe/Berlin"), "2024-07-01T00:00:00+02:00", "2024-07-01T00:00:00+02:00"),
        (date(2024, 2, 29), "2024-02-29", "2024-02-29"),
        ("01100", "01100", "01100"),
    ],
)
def test_a_value_is_written_as_a_caller_writes_it(value: object, written: object, short: object) -> None:
    for spelling, expected in ((Spelling.LONG, written), (Spelling.SHORT, short)):
        found = cell(value, spelling)
        assert (type(found), found) == (type(expected), expected)


def test_a_table_has_a_row_for_each_row() -> None:
    assert rows_of(np.array([[1, 2], [3, 4]])) == [{"x0": 1, "x1": 2}, {"x0": 3, "x1": 4}]
    assert rows_of(["a", "b"]) == [{"text": "a"}, {"text": "b"}]
    assert rows_of([{"a": np.nan}]) == [{"a": None}]


@pytest.mark.parametrize(
    ("left", "right"), [(1, True), (1, "1"), (0.5, 0.500001), (2**53, 2**53 + 1), ([0.5], [0.5, 0.5]), (None, 0.0)]
)
def test_answers_that_differ_are_not_equal(left: Any, right: Any) -> None:
    assert not equal(left, right, BY_ESTIMATOR)
    assert equal(left, left, BY_ESTIMATOR)


class Fooled(AnswerStack):
    """A stack whose answers are changed on their way."""

    def __init__(self, stack: AnswerStack) -> None:
        self.__dict__ = stack.__dict__

    def ask(self, api: str, name: str, body: object) -> Answer:
        answer = super().ask(api, name, body)
        if api == "estimator" and isinstance(body, list):
            answer.body["predictions"][-1]["prediction"] += 1e-6
        return answer


def test_one_answer_of_another_model_is_wrong(stack: AnswerStack) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.5, 1.5, 0.0]})
    comparison = Comparison(LinearRegression().fit(frame, [1.0, 2.0, 3.0]), frame, frame)
    assert judged(stack, comparison).outcome is Outcome.RIGHT
    verdict = judged(Fooled(stack), comparison)
    assert verdict.outcome is Outcome.WRONG
    assert "batch by estimator" in verdict.reason
    assert own_answers(comparison.model, frame[["a"]]).error.startswith("ValueError")

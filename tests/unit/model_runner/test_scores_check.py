"""The check of what a scorer sends beside labels and probabilities, against what it was asked for."""

import pytest

from changeover.estimator.scores import OnError, Options, Scores
from model_runner.messages import Lost, RowErrors
from model_runner.pool.scores_check import checked, checked_errors

NULL = Options(on_error=OnError.NULL)
STD = Options(include=("std",))


def test_what_was_asked_for_is_taken() -> None:
    assert checked(Scores([1.0], None, None, included={"std": [0.5]}), 1, STD).included == {"std": [0.5]}
    failed = checked(Scores([None, 1], None, None, failed={0: "a\n" + "b" * 500}), 2, NULL).failed
    assert failed == {0: "a " + "b" * 195 + "..."}


@pytest.mark.parametrize(
    ("scores", "options"),
    [
        (Scores([1.0], None, None, included={"std": [0.5]}), Options()),
        (Scores([1.0], None, None, included={"other": [0.5]}), STD),
        (Scores([1.0], None, None, included={"std": [0.5, 0.5]}), STD),
        (Scores([1.0], None, None, included={"std": [float("nan")]}), STD),
        (Scores([None], None, None, failed={0: "why"}), Options()),
        (Scores([None], None, None, failed={1: "why"}), NULL),
        (Scores([None], None, None, failed={-1: "why"}), NULL),
    ],
)
def test_anything_else_is_no_answer(scores: Scores, options: Options) -> None:
    with pytest.raises(Lost):
        checked(scores, 1, options)


def test_an_error_is_of_a_row_of_the_request_and_can_be_printed() -> None:
    error = checked_errors(RowErrors([(1, "a\x1b[2Jb"), (None, "c")], None), 2)
    assert [each["message"] for each in error.errors] == [r"a\x1b[2Jb", "c"]
    with pytest.raises(Lost):
        checked_errors(RowErrors([(2, "why")], 1), 2)

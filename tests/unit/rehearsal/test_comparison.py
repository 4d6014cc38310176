"""The comparison of two versions' answers: labels, numbers, probabilities by class, rows without an answer."""

import math
from typing import Any

import pytest

from changeover.estimator.scores import Scores
from predict_api.rehearsal.comparison import compared, differs, timed, unanswered


def scores(labels: list[Any], probabilities: list[Any] | None = None, classes: list[Any] | None = None) -> Scores:
    return Scores(labels, probabilities, classes)


def test_rows_with_another_label_are_counted() -> None:
    counts = compared(scores(["a", "b", "a"]), scores(["a", "a", "a"]), "r")
    assert (counts.id, counts.rows, counts.differing, counts.failed, sum(counts.moves)) == ("r", 3, 1, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "another"),
    [
        (1, 1, False),
        ("1", 1, True),
        (100.0, 100.9, False),
        (100.0, 102.0, True),
        (0.0, 0.0, False),
        (math.nan, math.nan, False),
        (1.0, None, True),
        (["a", 1.0], ["a", 1.0], False),
        (["a", "b"], ["a", "c"], True),
        (["a"], ["a", "b"], True),
    ],
)
def test_a_prediction_is_another_one_by_its_kind(before: Any, after: Any, another: bool) -> None:
    assert differs(before, after) is another


def test_the_largest_move_of_a_probability_is_counted_in_its_bin_by_class_and_not_by_place() -> None:
    current = scores(["a", "a"], [[0.7, 0.3], [1.0, 0.0]], ["a", "b"])
    new = scores(["a", "a"], [[0.3, 0.7], [0.0, 0.85]], ["b", "a"])
    assert compared(current, new).moves == (1, 0, 0, 0, 1, 0, 0)


def test_a_class_that_a_version_lacks_has_probability_0() -> None:
    new = scores(["c"], [[0.2, 0.2, 0.6]], ["a", "b", "c"])
    assert compared(scores(["a"], [[0.5, 0.5]], ["a", "b"]), new).moves[-1] == 1


def test_several_outputs_are_compared_if_their_classes_are_the_same() -> None:
    classes = [["a", "b"], ["x", "y"]]
    current = scores([["a", "x"]], [[[0.9, 0.1], [0.6, 0.4]]], classes)
    new = scores([["a", "y"]], [[[0.9, 0.1], [0.3, 0.7]]], classes)
    counts = compared(current, new)
    assert (counts.differing, counts.moves) == (1, (0, 0, 0, 0, 0, 1, 0))
    assert sum(compared(current, scores(new.labels, new.probabilities, [["a", "b"], ["x", "z"]])).moves) == 0


def test_rows_that_only_the_current_version_answers_differ_and_rows_that_it_does_not_answer_are_left_out() -> None:
    current = Scores([None, "a", "b"], None, None, failed={0: "no"})
    new = Scores(["a", None, "b"], None, None, failed={1: "no"})
    counts = compared(current, new)
    assert (counts.rows, counts.differing, counts.failed) == (2, 1, 1)
    assert (unanswered(3).rows, unanswered(3).differing, unanswered(3).failed) == (3, 3, 3)


def test_counts_add_up_and_times_are_counted_in_their_bins() -> None:
    total = unanswered(2, "r") + timed(0.0015, None) + timed(0.004, 3.0)
    assert (total.id, total.rows) == ("r", 2)
    assert total.new_ms[:3] == (0, 1, 1)
    assert (sum(total.current_ms), total.current_ms[-1]) == (1, 1)

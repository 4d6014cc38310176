"""The counts of a watch in a worker: requests by their time, and by the label of one of their rows."""

from typing import Any

import pytest

from changeover.estimator.scores import Scores
from predict_api.rehearsal.columns import PlainRows
from predict_api.rehearsal.watch import Answers, label_bin


@pytest.mark.parametrize(
    "labels", [[False, True], [0, 1, 2], ["no", "yes"], ["high", "low", "medium"], [0.0, 1.0], [[0, 1], [1, 0]]]
)
def test_usual_labels_have_a_bin_each(labels: list[Any]) -> None:
    assert len({label_bin(label, labels) for label in labels}) == len(labels)


def test_numbers_and_rows_without_an_answer_have_none() -> None:
    assert label_bin(1.5, None) is label_bin(None, ["a"]) is None


def test_a_request_counts_once_by_another_of_its_rows_each_time() -> None:
    answers = Answers()
    for _ in range(10):
        answers.add(PlainRows(False, 2, {}), Scores(["no", "yes"], None, ["no", "yes"]), 0.004)
    answers.failed()
    assert (answers.requests, answers.failures, sum(answers.milliseconds), answers.milliseconds[2]) == (11, 1, 10, 10)
    assert sorted(answers.labels)[-3:] == [0, 5, 5]

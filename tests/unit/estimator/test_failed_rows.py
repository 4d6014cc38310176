"""The search for the rows that a model does not answer, with a model that counts its calls."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from changeover.estimator.failed_rows import LONGEST_MESSAGE, answered, message_of
from changeover.estimator.model_calls import rows_of
from changeover.estimator.scores import OnError, Scores
from changeover.exceptions import NotFinite, RowsNotAnswered, ScoringFailed


class Model:
    """A model that answers a row with its index, raises for the rows `bad`, and returns NaN for the rows `nan`."""

    def __init__(self, bad: Sequence[int] = (), nan: Sequence[int] = (), most_together: int = 1_000_000) -> None:
        self.bad, self.nan, self.most_together = set(bad), set(nan), most_together
        self.calls: list[list[int]] = []

    def __call__(self, rows: Sequence[int]) -> Scores:
        self.calls.append([*rows])
        raising = self.bad.intersection(rows)
        if raising or len(rows) > self.most_together:
            cause = ValueError(f"bad\nrow {min(raising, default=-1)}")
            raise ScoringFailed("the model raised ValueError in predict") from cause
        labels = np.array([np.nan if row in self.nan else row for row in rows])
        return Scores(rows_of(labels, "predict", len(rows)), [[row / 100] for row in rows], [0])


GOOD = Scores([1], [[1.0]], [0])


def ask(
    model: Model,
    rows: int,
    on_error: OnError = OnError.NAME,
    good: Scores | None = GOOD,
    in_time: Callable[[], bool] = lambda: True,
) -> Scores:
    return answered(model, rows, on_error, lambda: good, in_time)


def refusal(model: Model, rows: int, **options: object) -> RowsNotAnswered:
    with pytest.raises(RowsNotAnswered) as caught:
        ask(model, rows, **options)  # type: ignore[arg-type]
    return caught.value


def test_rows_that_are_answered_take_one_call() -> None:
    model = Model()
    assert ask(model, 3).labels == [0.0, 1.0, 2.0]
    assert model.calls == [[0, 1, 2]]


@pytest.mark.parametrize("bad", [[7], [0], [9], [0, 9], [3, 4, 5], [1, 2, 3, 4, 5, 6, 7, 8]])
def test_the_rows_for_which_the_model_raises_are_named(bad: list[int]) -> None:
    error = refusal(Model(bad), 10)
    assert error.errors == [
        {"row": row, "field": None, "message": f"the model raised ValueError: bad row {row}"} for row in bad
    ]
    assert error.total == len(bad)
    assert str(error).startswith(f"row {bad[0]}: the model raised ValueError: bad row {bad[0]}")


def test_one_row_among_many_takes_two_calls_for_each_halving() -> None:
    model = Model([777])
    assert [error["row"] for error in refusal(model, 1024).errors] == [777]
    assert len(model.calls) == 1 + 2 * 10


def test_rows_with_nan_are_named_without_a_search() -> None:
    model = Model(nan=[2, 5])
    error = refusal(model, 8)
    assert [each["row"] for each in error.errors] == [2, 5]
    assert "returned NaN or an infinite number" in str(error.errors[0]["message"])
    assert len(model.calls) == 1


def test_at_most_twenty_rows_are_named() -> None:
    error = refusal(Model(range(0, 200, 2)), 200)
    assert [each["row"] for each in error.errors] == [*range(0, 40, 2)]
    assert error.total is None
    assert "the search for further rows ended here" in str(error)
    error = refusal(Model(nan=range(100)), 200)
    assert (len(error.errors), error.total) == (20, 100)


def test_a_search_ends_when_there_is_no_time_for_another_call() -> None:
    times = iter([True] * 3 + [False] * 100)
    error = refusal(Model([0, 99]), 100, in_time=lambda: next(times))
    assert (error.errors[0]["row"], error.total) == (None, None)
    assert "not found in time: send fewer rows" in str(error)


def test_a_model_that_fails_on_everything_is_its_own_fault() -> None:
    for rows in (1, 4):
        with pytest.raises(ScoringFailed) as caught:
            ask(Model(range(rows)), rows, good=None)
        assert not isinstance(caught.value, RowsNotAnswered)
    assert [each["row"] for each in refusal(Model(range(4)), 4).errors] == [0, 1, 2, 3]
    assert [each["row"] for each in refusal(Model([0]), 1).errors] == [0]


def test_a_row_that_is_answered_shows_that_the_model_works() -> None:
    assert [each["row"] for each in refusal(Model([1]), 4, good=None).errors] == [1]


def test_rows_that_fail_only_together_have_an_error_without_a_row() -> None:
    error = refusal(Model(most_together=3), 4)
    assert error.errors[0]["row"] is None
    assert "no single row is the cause" in str(error)
    with pytest.raises(RowsNotAnswered):
        ask(Model([0], most_together=3), 8, OnError.NULL)


def test_a_micro_batch_is_not_searched() -> None:
    model = Model([1])
    with pytest.raises(ScoringFailed) as caught:
        ask(model, 4, OnError.FAIL)
    assert not isinstance(caught.value, RowsNotAnswered)
    assert len(model.calls) == 1


def test_null_answers_the_other_rows_together() -> None:
    model = Model([1, 6], nan=[4])
    scores = ask(model, 8, OnError.NULL)
    assert scores.labels == [0.0, None, 2.0, 3.0, None, 5.0, None, 7.0]
    assert scores.probabilities == [[0.0], None, [0.02], [0.03], None, [0.05], None, [0.07]]
    assert set(scores.failed or {}) == {1, 4, 6}
    assert model.calls[-1] == [0, 2, 3, 5, 7]


def test_null_names_any_number_of_rows() -> None:
    scores = ask(Model(range(100)), 200, OnError.NULL)
    assert scores.labels == [None] * 100 + [float(row) for row in range(100, 200)]


def test_null_for_all_rows_still_has_the_classes() -> None:
    scores = ask(Model(range(3)), 3, OnError.NULL)
    assert (scores.labels, scores.probabilities, scores.classes) == ([None] * 3, None, [0])
    with pytest.raises(ScoringFailed):
        ask(Model(range(3)), 3, OnError.NULL, good=None)


def test_what_a_model_says_is_one_short_line_that_can_be_printed() -> None:
    error = ScoringFailed("raised")
    error.__cause__ = KeyError("a\x1b[31m\n\u202e" + "x" * 500)
    message = message_of(error)
    assert message.startswith("the model raised KeyError: ")
    assert message.isprintable()
    assert len(message) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("returned", "rows"),
    [
        (np.array([1.0, np.nan, 2.0]), [1]),
        (np.array([[1.0, 2.0], [3.0, 4.0], [np.inf, 1.0]]), [2]),
        (np.array([float("nan"), "a", 2.0], dtype=object), [0]),
        (np.array([[[1.0], [2.0]], [[np.nan], [1.0]]]), [1]),
    ],
)
def test_an_answer_without_a_number_names_its_rows(returned: object, rows: list[int]) -> None:
    with pytest.raises(NotFinite) as caught:
        rows_of(returned, "predict", len(returned))  # type: ignore[arg-type]
    assert [*caught.value.rows] == rows

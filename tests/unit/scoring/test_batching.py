"""Requests that wait are scored together; each gets its own rows or its own error ("Availability", micro-batching)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from changeover.estimator.scores import Scores
from changeover.exceptions import ScoringFailed
from predict_api.scoring.batching import LONGEST_PAUSE, MOST_ROWS, Batcher, Columns
from tests.conftest import wait_until


class Model:
    """Doubles its column `a`; a negative number is more than it can take. Its first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, columns: Columns, rows: int) -> Scores:
        self.calls.append(rows)
        if len(self.calls) == 1:
            self.entered.set()
            assert self.let_go.wait(10)
        numbers = [float(cell) for cell in columns["a"] if isinstance(cell, float)]
        if any(number < 0 for number in numbers):
            raise ScoringFailed("the model raised ValueError in predict")
        return Scores([2 * number for number in numbers], [[number, 1 - number] for number in numbers], [0, 1])


def ask(batcher: Batcher, *numbers: float) -> Scores:
    return batcher.score({"a": list(numbers)}, len(numbers))


@pytest.fixture
def model() -> Model:
    return Model()


def while_one_is_scored(model: Model, batcher: Batcher, *asked: Callable[[], Scores]) -> list[Future[Scores]]:
    """The futures of all, the first of which was being scored when the others came."""
    with ThreadPoolExecutor(len(asked) + 1) as pool:
        futures = [pool.submit(ask, batcher, 1.0)]
        assert model.entered.wait(10)
        futures += [pool.submit(one) for one in asked]
        wait_until(lambda: len(batcher._waiting) == len(asked))
        model.let_go.set()
    return futures


def test_who_waits_is_scored_in_one_call_and_gets_its_own_rows(model: Model) -> None:
    batcher = Batcher(model)
    futures = while_one_is_scored(
        model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0, 4.0), lambda: ask(batcher, 5.0)
    )
    assert [future.result().labels for future in futures] == [[2.0], [4.0], [6.0, 8.0], [10.0]]
    assert futures[2].result().probabilities == [[3.0, -2.0], [4.0, -3.0]]
    assert model.calls == [1, 4]


def test_who_finds_nobody_scoring_is_scored_at_once(model: Model) -> None:
    model.let_go.set()
    batcher = Batcher(model)
    assert [ask(batcher, float(number)).labels for number in range(3)] == [[0.0], [2.0], [4.0]]
    assert model.calls == [1, 1, 1]


def test_who_comes_back_in_the_pause_before_the_next_call_is_in_it(model: Model) -> None:
    with ThreadPoolExecutor(1) as back:
        again: list[Future[Scores]] = []

        def pause(seconds: float) -> None:
            assert 0 <= seconds <= LONGEST_PAUSE
            again.append(back.submit(ask, batcher, 3.0))
            wait_until(lambda: len(batcher._waiting) == 2)

        batcher = Batcher(model, pause)
        futures = while_one_is_scored(model, batcher, lambda: ask(batcher, 2.0))
    assert [future.result().labels for future in [*futures, *again]] == [[2.0], [4.0], [6.0]]
    assert model.calls == [1, 2]


class Clock:
    """Stands still, but for each call of the model, which takes a second."""

    def __init__(self, model: Model) -> None:
        self.time, self._model = 0.0, model

    def __call__(self) -> float:
        return self.time

    def score(self, columns: Columns, rows: int) -> Scores:
        self.time += 1.0
        return self._model(columns, rows)


def test_the_first_to_come_back_after_a_joint_call_waits_for_the_others_and_nobody_else_does(model: Model) -> None:
    paused: list[float] = []
    again: list[Future[Scores]] = []
    clock = Clock(model)
    with ThreadPoolExecutor(1) as back:

        def pause(seconds: float) -> None:
            paused.append(seconds)
            if len(paused) == 2:
                assert not batcher._all_back.is_set()
                again.append(back.submit(ask, batcher, 4.0))
                assert batcher._all_back.wait(10)  # which ends the pause
                assert len(batcher._waiting) == 2

        batcher = Batcher(clock.score, pause, clock)
        while_one_is_scored(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0))
        assert ask(batcher, 5.0).labels == [10.0]
        assert again[0].result().labels == [8.0]
        assert model.calls == [1, 2, 2]
        assert len(paused) == 2
        clock.time += 1.0
        assert ask(batcher, 6.0).labels == [12.0]  # it comes too late for that
        assert ask(batcher, 7.0).labels == [14.0]  # and this one after a call for a single one
    assert model.calls == [1, 2, 2, 1, 1]
    assert len(paused) == 2


def test_one_that_the_model_cannot_take_spoils_no_other(model: Model) -> None:
    batcher = Batcher(model)
    futures = while_one_is_scored(
        model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, -1.0), lambda: ask(batcher, 5.0)
    )
    assert futures[1].result().labels == [4.0]
    assert futures[3].result().labels == [10.0]
    with pytest.raises(ScoringFailed):
        futures[2].result()


def test_a_model_that_answers_too_few_rows_of_a_joint_call_is_asked_for_each_alone(model: Model) -> None:
    def short(columns: Columns, rows: int) -> Scores:
        found = model(columns, rows)
        return Scores(found.labels[:1], found.probabilities, found.classes)

    batcher = Batcher(short)
    futures = while_one_is_scored(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0))
    assert [future.result().labels for future in futures] == [[2.0], [4.0], [6.0]]


def test_a_large_request_holds_up_no_small_one(model: Model) -> None:
    batcher = Batcher(model)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(ask, batcher, *[1.0] * (MOST_ROWS + 1))
        assert model.entered.wait(10)
        assert ask(batcher, 2.0).labels == [4.0]
        model.let_go.set()
        assert len(large.result().labels) == MOST_ROWS + 1


def test_joint_calls_stay_within_their_most_rows(model: Model) -> None:
    batcher = Batcher(model)
    half = [1.0] * (MOST_ROWS // 2 + 1)
    while_one_is_scored(model, batcher, lambda: ask(batcher, *half), lambda: ask(batcher, *half))
    assert model.calls == [1, len(half), len(half)]


def test_many_threads_each_get_their_own_answer() -> None:
    def score(columns: Columns, rows: int) -> Scores:
        assert len(columns["a"]) == rows
        return Scores(list(columns["a"]), None, None)

    batcher = Batcher(score)

    def many(own: float) -> bool:
        return all(ask(batcher, own, own + step / 1000).labels == [own, own + step / 1000] for step in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(many, [float(number) for number in range(8)]))

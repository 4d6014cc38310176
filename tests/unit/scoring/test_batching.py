"""Micro-batching: requests that wait are scored in one call; each gets its rows or its error."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from changeover.estimator.scores import OnError, Options, Scores
from changeover.exceptions import ScoringFailed
from model_runner.pool.exceptions import ModelCrashed, ModelTimeout
from predict_api.exceptions import Overloaded
from predict_api.scoring.batching import LONGEST_PAUSE, MOST_ROWS, Batcher, Columns
from predict_api.scoring.times import Times
from tests.conftest import wait_until

PATIENT = 1000.0  # seconds


class Model:
    """A model that doubles its column `a` and fails for a negative number. Its first call waits for `let_go`."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, columns: Columns, rows: int, times: Times, options: Options) -> Scores:
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


def during_a_call(model: Model, batcher: Batcher, *requests: Callable[[], Scores]) -> list[Future[Scores]]:
    """The futures of all requests; the first was being scored when the others arrived."""
    with ThreadPoolExecutor(len(requests) + 1) as pool:
        futures = [pool.submit(ask, batcher, 1.0)]
        assert model.entered.wait(10)
        futures += [pool.submit(request) for request in requests]
        wait_until(lambda: len(batcher._waiting) == len(requests))
        model.let_go.set()
    return futures


def test_waiting_requests_are_scored_in_one_call_and_each_gets_its_rows(model: Model) -> None:
    batcher = Batcher(model, PATIENT)
    futures = during_a_call(
        model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0, 4.0), lambda: ask(batcher, 5.0)
    )
    assert [future.result().labels for future in futures] == [[2.0], [4.0], [6.0, 8.0], [10.0]]
    assert futures[2].result().probabilities == [[3.0, -2.0], [4.0, -3.0]]
    assert model.calls == [1, 4]


def test_a_request_without_others_is_scored_immediately(model: Model) -> None:
    model.let_go.set()
    batcher = Batcher(model, PATIENT)
    assert [ask(batcher, float(number)).labels for number in range(3)] == [[0.0], [2.0], [4.0]]
    assert model.calls == [1, 1, 1]


def test_a_request_that_arrives_in_the_pause_is_part_of_the_next_call(model: Model) -> None:
    with ThreadPoolExecutor(1) as back:
        again: list[Future[Scores]] = []

        def pause(seconds: float) -> None:
            assert 0 <= seconds <= LONGEST_PAUSE
            again.append(back.submit(ask, batcher, 3.0))
            wait_until(lambda: len(batcher._waiting) == 2)

        batcher = Batcher(model, PATIENT, pause)
        futures = during_a_call(model, batcher, lambda: ask(batcher, 2.0))
    assert [future.result().labels for future in [*futures, *again]] == [[2.0], [4.0], [6.0]]
    assert model.calls == [1, 2]


class Clock:
    """A clock that advances by one second for each call of the model."""

    def __init__(self, model: Model) -> None:
        self.time, self._model = 0.0, model

    def __call__(self) -> float:
        return self.time

    def score(self, columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        self.time += 1.0
        return self._model(columns, rows, times, options)


def test_the_first_request_after_a_micro_batch_waits_for_the_others_and_no_later_one_does(model: Model) -> None:
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

        batcher = Batcher(clock.score, PATIENT, pause, clock)
        during_a_call(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0))
        clock.time += 0.4  # within half of the last call
        assert ask(batcher, 5.0).labels == [10.0]
        assert again[0].result().labels == [8.0]
        assert model.calls == [1, 2, 2]
        assert len(paused) == 2
        clock.time += 1.0
        assert ask(batcher, 6.0).labels == [12.0]  # too late to be part of a micro-batch
        assert ask(batcher, 7.0).labels == [14.0]  # after a call for one request
    assert model.calls == [1, 2, 2, 1, 1]
    assert len(paused) == 2


def test_a_request_that_fails_does_not_fail_the_others(model: Model) -> None:
    batcher = Batcher(model, PATIENT)
    futures = during_a_call(
        model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, -1.0), lambda: ask(batcher, 5.0)
    )
    assert futures[1].result().labels == [4.0]
    assert futures[3].result().labels == [10.0]
    with pytest.raises(ScoringFailed):
        futures[2].result()


def test_after_too_few_rows_for_a_micro_batch_each_request_is_scored_alone(model: Model) -> None:
    def short(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        scores = model(columns, rows, times, options)
        return Scores(scores.labels[:1], scores.probabilities, scores.classes)

    batcher = Batcher(short, PATIENT)
    futures = during_a_call(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0))
    assert [future.result().labels for future in futures] == [[2.0], [4.0], [6.0]]


def test_a_large_request_does_not_delay_a_small_one(model: Model) -> None:
    batcher = Batcher(model, PATIENT)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(ask, batcher, *[1.0] * (MOST_ROWS + 1))
        assert model.entered.wait(10)
        assert ask(batcher, 2.0).labels == [4.0]
        model.let_go.set()
        assert len(large.result().labels) == MOST_ROWS + 1


def test_micro_batches_stay_within_the_limit_of_rows(model: Model) -> None:
    batcher = Batcher(model, PATIENT)
    half = [1.0] * (MOST_ROWS // 2 + 1)
    during_a_call(model, batcher, lambda: ask(batcher, *half), lambda: ask(batcher, *half))
    assert model.calls == [1, len(half), len(half)]


def test_each_of_many_threads_gets_its_scores() -> None:
    def score(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        assert len(columns["a"]) == rows
        return Scores(list(columns["a"]), None, None)

    batcher = Batcher(score, PATIENT)

    def many(number: float) -> bool:
        return all(
            ask(batcher, number, number + step / 1000).labels == [number, number + step / 1000] for step in range(500)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(many, [float(number) for number in range(8)]))


def test_requests_do_not_wait_behind_a_call_that_hangs(model: Model) -> None:
    batcher = Batcher(model, 0.4)  # of which a quarter is waited
    with ThreadPoolExecutor(5) as pool:
        hangs = pool.submit(ask, batcher, 1.0)
        assert model.entered.wait(10)
        others = [pool.submit(ask, batcher, float(number)) for number in range(2, 6)]
        assert [other.result(20).labels for other in others] == [[4.0], [6.0], [8.0], [10.0]]
        assert not hangs.done()
        assert ask(batcher, 6.0).labels == [12.0]
        model.let_go.set()
        assert hangs.result().labels == [2.0]


def test_after_the_end_of_a_process_each_request_of_the_batch_is_scored_once_more(model: Model) -> None:
    """A micro-batch has half of the time, so that the others are answered in the rest."""
    times_of_batch: list[Times] = []

    def fatal(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        if rows > 1:
            times_of_batch.append(times)
        scores = model(columns, rows, times, options)
        if 13.0 in columns["a"]:
            raise ModelTimeout("it hangs")
        assert rows == 1 or len(model.calls) == 2
        return scores

    batcher = Batcher(fatal, PATIENT)
    futures = during_a_call(
        model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 13.0), lambda: ask(batcher, 4.0)
    )
    assert [futures[place].result().labels for place in (0, 1, 3)] == [[2.0], [4.0], [8.0]]
    with pytest.raises(ModelTimeout):
        futures[2].result()
    assert sorted(model.calls) == [1, 1, 1, 1, 3]
    assert len(times_of_batch) == 1


def test_a_single_request_is_scored_once_more_after_a_crash(model: Model) -> None:
    def killed_once(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        model.let_go.set()
        scores = model(columns, rows, times, options)
        if not times.eager:
            raise ModelCrashed("killed")
        return scores

    assert ask(Batcher(killed_once, PATIENT), 2.0).labels == [4.0]
    assert model.calls == [1, 1]


def test_what_cannot_begin_is_not_tried_again(model: Model) -> None:
    def full(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        scores = model(columns, rows, times, options)
        if rows > 1:
            raise Overloaded("all are busy")
        return scores

    batcher = Batcher(full, PATIENT)
    futures = during_a_call(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, 3.0))
    for future in futures[1:]:
        with pytest.raises(Overloaded):
            future.result()
    assert model.calls == [1, 2]


def test_requests_of_a_model_whose_rows_depend_on_others_never_share_a_call(model: Model) -> None:
    model.let_go.set()
    batcher = Batcher(model, PATIENT, joins=False)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: ask(batcher, float(number), 1.0).labels, range(40)))
    assert answers == [[2.0 * number, 2.0] for number in range(40)]
    assert model.calls == [2] * 40


def test_a_request_with_options_is_a_call_of_its_own_that_has_them() -> None:
    asked: list[Options] = []

    def score(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        asked.append(options)
        return Scores([*columns["a"]], None, None)

    options = Options(("std",), OnError.NULL)
    assert Batcher(score, PATIENT).score({"a": [1.0]}, 1, options).labels == [1.0]
    assert asked == [options]


def test_only_the_second_call_of_a_request_looks_for_its_rows(model: Model) -> None:
    asked: list[OnError] = []

    def score(columns: Columns, rows: int, times: Times, options: Options) -> Scores:
        asked.append(options.on_error)
        return model(columns, rows, times, options)

    batcher = Batcher(score, PATIENT)
    good, bad = during_a_call(model, batcher, lambda: ask(batcher, 2.0), lambda: ask(batcher, -1.0))[1:]
    assert good.result().labels == [4.0]
    assert isinstance(bad.exception(), ScoringFailed)
    assert asked == [OnError.NAME, OnError.FAIL, OnError.NAME, OnError.NAME]

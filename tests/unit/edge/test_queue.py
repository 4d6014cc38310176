"""The bounded queue: three lanes, estimated waits, refusals immediately, places that are lent."""

from contextlib import ExitStack

import pytest
from prometheus_client import REGISTRY

from predict_api.edge.costs import Cost
from predict_api.edge.queue import LARGE, Entry, Queue, threads_of_a_worker
from tests.conftest import wait_until

THREADS = 8
SMALL, AT_ONCE = threads_of_a_worker(THREADS), max(1, THREADS // 4)
MANY_CELLS = 10_000


class Line:
    """A queue whose time stands still until a test moves it, and what became of the requests in it."""

    def __init__(self, queue_seconds: float = 1.0) -> None:
        self.time = 100.0
        self.large: list[bool] = []  # whether large requests run, as reported by the queue
        self.queue = Queue(THREADS, queue_seconds, lambda: self.time, lambda *, runs: self.large.append(runs))
        self.begun: list[Entry] = []
        self.reasons: list[str] = []  # why requests were refused
        self.queue.record("/large", MANY_CELLS, Cost(0.4, 0.3), answered=True)
        self.queue.record("/medium", MANY_CELLS // 10, Cost(0.005, 0.004), answered=True)
        self.queue.record("/small", 1, Cost(0.1, 0.001), answered=True)

    def come(self, kind: str, count: int = 1, size: int = 0) -> list[Entry]:
        """Put requests of this kind into the queue."""
        cells = {"/large": MANY_CELLS, "/medium": MANY_CELLS // 10}.get(kind, 1)
        entries = []
        for _ in range(count):
            entry = Entry(kind, cells, size, self.begun.append, self.reasons.append)
            self.queue.put(entry)
            entries.append(entry)
        return entries

    def end(self, entry: Entry, cpu: float = 0.3) -> None:
        """End a request."""
        self.queue.ended(entry, cpu, answered=True)


def test_small_requests_begin_while_all_places_for_large_ones_are_taken() -> None:
    line = Line()
    large = line.come("/large", AT_ONCE + 1)
    assert line.begun == large[:AT_ONCE]
    small = line.come("/small", SMALL)
    assert line.begun == large[:AT_ONCE] + small


def test_few_requests_of_medium_size_compute_at_a_time_and_wait_for_no_large_one() -> None:
    line = Line()
    large = line.come("/large", AT_ONCE)
    medium = line.come("/medium", AT_ONCE + 1)
    small = line.come("/small", SMALL)
    assert line.begun == [*large, *medium[:AT_ONCE], *small]
    line.end(medium[0], cpu=0.004)
    assert line.begun[-1] is medium[-1]
    assert line.large == [True]


def test_a_request_of_medium_size_lends_its_place_while_it_waits_for_another_process() -> None:
    line = Line()
    first, *_, waiting = line.come("/medium", AT_ONCE + 1)
    assert waiting not in line.begun
    with first.lent_after(60.0):
        assert waiting in line.begun
        (next_one,) = line.come("/medium")
        assert next_one not in line.begun
    line.end(first, cpu=0.004)
    assert next_one not in line.begun
    line.end(waiting, cpu=0.004)
    assert next_one in line.begun


def test_the_longest_waiting_request_is_next() -> None:
    line = Line()
    large = line.come("/large", AT_ONCE + 2)
    line.end(large[1])
    line.end(large[0])
    assert line.begun == large


def test_a_request_that_would_wait_for_too_long_is_refused_at_once() -> None:
    """Two places, 0.4 s each: the fifth request would begin after 0.8 s, which may be 1 s; the measured costs say so."""
    line = Line()
    line.come("/large", AT_ONCE + 2)
    assert line.queue.waiting == 2
    line.come("/large", 3)
    assert line.queue.waiting == 3
    assert len(line.reasons) == 2
    assert len(line.begun) == AT_ONCE


def test_a_place_that_is_taken_for_longer_than_expected_may_stay_so() -> None:
    line = Line()
    line.come("/large", AT_ONCE)
    line.time += 10
    line.come("/large")
    assert len(line.reasons) == 1


def test_a_request_that_waited_for_the_whole_time_is_refused() -> None:
    line = Line()
    line.come("/unmeasured", SMALL + 1)
    line.time += 0.99
    line.queue.refuse_late()
    assert line.reasons == []
    line.time += 0.02
    line.queue.refuse_late()
    assert len(line.reasons) == 1
    assert line.queue.waiting == 0


def test_a_request_whose_caller_has_gone_is_not_begun() -> None:
    line = Line()
    first, _, gone, last = line.come("/large", AT_ONCE + 2)
    line.queue.leave(gone)
    line.end(first)
    assert gone.gone
    assert line.begun[-1] is last
    assert line.queue.waiting == 0


def test_a_large_body_takes_a_place_for_large_ones_until_its_kind_is_measured() -> None:
    line = Line()
    line.come("/unmeasured", AT_ONCE, size=LARGE)
    line.come("/unmeasured", size=LARGE)
    assert len(line.begun) == AT_ONCE
    line.end(line.begun[0], cpu=0.001)
    line.come("/unmeasured", SMALL, size=LARGE)
    assert len(line.begun) == AT_ONCE + 1 + SMALL


def test_another_large_request_has_the_place_of_one_that_waits_for_another_process() -> None:
    line = Line()
    first, *_ = line.come("/large", AT_ONCE)
    (waiting,) = line.come("/large")
    with first.lent_after(0.0):
        wait_until(lambda: waiting in line.begun, what="the place is lent")
    line.end(waiting)
    line.end(first)
    assert line.come("/large") == line.begun[-1:]


def test_time_in_which_a_place_was_lent_counts_in_no_estimate() -> None:
    """A model that hangs for a minute makes no large request of another one wait, and so refuses none."""
    line = Line()
    hanging = line.come("/large", AT_ONCE)
    with ExitStack() as lent:
        for entry in hanging:
            lent.enter_context(entry.lent_after(0.0))
        wait_until(lambda: all(entry in entry.lane.lending for entry in hanging if entry.lane), what="places are lent")
        line.time += 60.0
        line.come("/large", AT_ONCE + 1)
        assert (line.reasons, len(line.begun)) == ([], 2 * AT_ONCE)
    for entry in hanging:
        line.end(entry)
    cost = line.queue.expected("/large", MANY_CELLS)
    assert cost is not None
    assert cost.wall <= 0.4


def test_threads_switch_more_often_while_a_large_request_runs() -> None:
    line = Line()
    (large,) = line.come("/large")
    assert line.large == [True]
    line.come("/small")
    line.end(large)
    assert line.large == [True, False]


def sample(name: str) -> float:
    value = REGISTRY.get_sample_value(f"changeover_queue_{name}")
    assert value is not None
    return value


def test_the_length_and_the_waits_of_the_queue_are_metrics() -> None:
    line = Line(queue_seconds=10.0)
    length, begun, waited = sample("length"), sample("wait_seconds_count"), sample("wait_seconds_sum")
    first, *_, gone, late = line.come("/large", AT_ONCE + 3)
    assert (sample("length"), sample("wait_seconds_count")) == (length + 3, begun + AT_ONCE)
    line.time += 0.25
    line.end(first)
    assert (sample("length"), sample("wait_seconds_count")) == (length + 2, begun + AT_ONCE + 1)
    assert sample("wait_seconds_sum") == pytest.approx(waited + 0.25)
    line.queue.leave(gone)
    line.time += 10.0
    line.queue.refuse_late()
    assert (sample("length"), line.queue.waiting, late in line.begun) == (length, 0, False)

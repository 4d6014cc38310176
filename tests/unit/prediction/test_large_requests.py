"""The concurrency limit for large requests: small requests never wait for them."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from predict_api.prediction.large_requests import LARGE, SWITCH_SECONDS, LargeRequestLimit, threads_of_a_worker
from tests.conftest import wait_until

THREADS = 4
AT_ONCE = 2


class Large:
    """Large requests that run until `go`; `came` has them in the order in which they started."""

    def __init__(self, limit: LargeRequestLimit, pool: ThreadPoolExecutor) -> None:
        self._limit, self._pool = limit, pool
        self._steps: dict[int, threading.Event] = {}
        self.within: list[int] = []
        self.most = 0
        self.came: list[int] = []
        self.futures: list[Future[None]] = []

    def come(self, number: int) -> None:
        """Send a request, and wait until it runs or waits."""
        self._steps[number] = threading.Event()
        before = len(self.within) + self._limit.waiting
        self.futures.append(self._pool.submit(self._work, number))
        wait_until(lambda: len(self.within) + self._limit.waiting == before + 1, what=f"large request {number} came")

    def _work(self, number: int) -> None:
        with self._limit.of(LARGE):
            self.within.append(number)
            self.came.append(number)
            self.most = max(self.most, len(self.within))
            assert self._steps[number].wait(20)
            self.within.remove(number)

    def go(self, number: int) -> None:
        """Let a request end."""
        self._steps[number].set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(threads_of_a_worker(THREADS)) as pool:
        yield pool


def small(limit: LargeRequestLimit) -> str:
    with limit.of(LARGE - 1):
        return "answered"


def test_small_requests_are_answered_while_twice_as_many_large_ones_as_threads_are_running_or_waiting(
    pool: ThreadPoolExecutor,
) -> None:
    limit = LargeRequestLimit(THREADS)
    large = Large(limit, pool)
    for number in range(2 * THREADS):
        large.come(number)
    assert (large.within, limit.waiting) == ([0, 1], 2 * THREADS - AT_ONCE)
    answers = [pool.submit(small, limit) for _ in range(100)]
    assert [answer.result(20) for answer in answers] == ["answered"] * 100
    assert large.within == [0, 1]  # none of them had to end
    for number in range(2 * THREADS):
        large.go(number)
    for future in large.futures:
        future.result(20)
    assert large.most == AT_ONCE


def test_the_longest_waiting_request_is_next(pool: ThreadPoolExecutor) -> None:
    limit = LargeRequestLimit(THREADS)
    large = Large(limit, pool)
    for number in range(6):
        large.come(number)
    for ended, number in enumerate((1, 0, 3, 2, 4, 5), start=1):
        large.go(number)
        within = min(6, AT_ONCE + ended)
        wait_until(lambda within=within: len(large.came) == within, what="the next request runs")  # type: ignore[misc]
    for future in large.futures:
        future.result(20)
    assert large.came == [0, 1, 2, 3, 4, 5]


def test_a_large_request_that_fails_lets_the_next_one_run() -> None:
    limit = LargeRequestLimit(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="no JSON"), limit.of(LARGE):
            raise ValueError("no JSON")
    with limit.of(LARGE):
        assert limit.waiting == 0


def test_a_turn_is_lent_to_the_next_request_and_taken_back_in_its_turn() -> None:
    limit = LargeRequestLimit(1)
    order: list[str] = []
    back, end = threading.Event(), threading.Event()

    def lender() -> None:
        with limit.of(LARGE) as turn:
            with turn.lent_after(0.0):
                order.append("lent")
                assert back.wait(20)
            order.append("taken back")

    def other() -> None:
        with limit.of(LARGE):
            order.append("another")
            assert end.wait(20)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lender)]
        wait_until(lambda: order == ["lent"], what="the turn is lent")
        futures.append(pool.submit(other))
        wait_until(lambda: order == ["lent", "another"], what="another request has the turn")
        back.set()
        wait_until(lambda: limit.waiting == 1, what="the lender waits for its turn")
        end.set()
        for future in futures:
            future.result(20)
    assert order == ["lent", "another", "taken back"]


def test_a_lent_turn_ends_with_an_error_of_the_model_and_small_requests_lend_none() -> None:
    limit = LargeRequestLimit(1)
    for size in (LARGE, LARGE - 1) * 2:
        with pytest.raises(ValueError, match="crashed"), limit.of(size) as turn, turn.lent_after(0.0):
            raise ValueError("crashed")
    with limit.of(LARGE):
        assert limit.waiting == 0


def test_a_turn_that_takes_no_longer_is_not_lent() -> None:
    limit = LargeRequestLimit(1)
    with ThreadPoolExecutor(1) as pool:
        with limit.of(LARGE) as turn, turn.lent_after(3600.0):
            other = pool.submit(limit.__enter__)
            wait_until(lambda: limit.waiting == 1, what="another request waits")
            assert not other.done()
        other.result(20)


def test_the_interpreter_switches_threads_more_often_while_a_large_request_runs() -> None:
    usual = sys.getswitchinterval()
    limit = LargeRequestLimit(THREADS)
    with limit.of(LARGE - 1):
        assert sys.getswitchinterval() == usual
    with limit.of(LARGE):
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
        with limit.of(LARGE):
            pass
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == usual


@pytest.mark.parametrize(("threads", "served_by"), [(1, 6), (4, 24)])
def test_a_worker_has_threads_for_waiting_requests(threads: int, served_by: int) -> None:
    assert threads_of_a_worker(threads) == served_by

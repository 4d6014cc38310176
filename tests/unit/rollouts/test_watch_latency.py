"""The latency line of a watch: what is slower, false alarms by noise and by pauses, and power."""

import random
from bisect import bisect_left

import pytest

from changeover.protocol.rehearsal_counts import MILLISECONDS
from model_server.rollouts.watch_latency import FEWEST_BEFORE, WINDOWS, limit, says, slower

BINS = len(MILLISECONDS) + 1


def bins(*milliseconds: float) -> tuple[int, ...]:
    counts = [0] * BINS
    for each in milliseconds:
        counts[bisect_left(MILLISECONDS, each)] += 1
    return tuple(counts)


def drawn(seed: int, count: int, median: float) -> tuple[int, ...]:
    """Latencies with a long tail: one in a hundred takes more than five times the median."""
    draw = random.Random(seed)
    return bins(*(median * draw.lognormvariate(0.0, 0.7) for _ in range(count)))


def together(*parts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*parts, strict=True)))


@pytest.mark.parametrize(
    ("usual", "most"),
    [(0.4, 10), (4.0, 10), (12.0, 20), (40.0, 50), (700.0, 1000), (2e3, None)],
)
def test_the_limit_is_the_end_of_the_bin_of_the_usual_time_and_ten_milliseconds_at_least(
    usual: float, most: int | None
) -> None:
    index = limit(bins(*[usual] * FEWEST_BEFORE))
    assert (None if index is None else MILLISECONDS[index]) == most


def test_few_requests_before_the_switch_give_no_limit() -> None:
    few, slow = bins(*[5.0] * (FEWEST_BEFORE - 1)), bins(*[900.0] * 1000)
    assert limit(few) is None
    assert not slower(few, slow, [slow] * WINDOWS)
    assert says(few, slow) == ""


def test_a_version_as_fast_as_the_one_before_is_never_rolled_back() -> None:
    for seed in range(100):
        before = drawn(seed, 300, 8.0)
        windows = [drawn(1000 * seed + each + 1, 50, 8.0) for each in range(60)]
        for end in range(WINDOWS, 61):
            assert not slower(before, together(*windows[:end]), windows[end - WINDOWS : end])


def test_a_pause_of_two_windows_rolls_nothing_back() -> None:
    before, pause, usual = drawn(1, 500, 8.0), drawn(2, 500, 200.0), drawn(3, 500, 8.0)
    windows = [usual, pause, pause, usual]
    assert not any(
        slower(before, together(*windows[:end]), windows[max(0, end - WINDOWS) : end]) for end in range(1, 5)
    )


def test_a_version_three_times_as_slow_is_found_within_a_minute() -> None:
    for seed in range(100):
        windows = [drawn(1000 * seed + each + 1, 50, 24.0) for each in range(6)]
        assert not slower(drawn(seed, 300, 8.0), together(*windows[:2]), windows[:2])
        assert any(slower(drawn(seed, 300, 8.0), together(*windows[:end]), windows[:end]) for end in range(3, 7))


def test_windows_with_few_requests_show_nothing() -> None:
    assert not slower(bins(*[5.0] * 500), bins(*[900.0] * 57), [bins(*[900.0] * 19)] * WINDOWS)


def test_it_says_what_was_counted() -> None:
    assert says(bins(*[5.0] * 400, 50.0), bins(*[5.0] * 10, *[50.0] * 90)) == (
        "90 of 100 requests took more than 10 ms since the switch, 1 of 401 before it, and at most 40 % may"
    )

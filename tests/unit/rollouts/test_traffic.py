"""The traffic of the last minutes: differences of the totals of workers, whatever comes again or late."""

from typing import Final

from changeover.protocol.traffic_counts import NO_SECONDS, SECONDS, TrafficCounts, quantile_s
from model_server.console.traffic import traffic
from model_server.rollouts.fleet import MOST_REPLICAS
from model_server.rollouts.traffic import SLOT_S, WINDOW_S, Traffic

FAST: Final = (0, 0, 1, *[0] * (len(NO_SECONDS) - 3))  # one response within 2 ms
NONE: Final = TrafficCounts()


def totals(requests: int, failed: int = 0, stale: int = 0) -> TrafficCounts:
    return TrafficCounts(requests - failed, 0, failed, stale, tuple(requests * count for count in FAST))


def test_the_first_report_of_a_worker_is_where_counting_begins() -> None:
    seen = Traffic()
    assert seen.window(0.0) is None
    seen.add("a", totals(10_000), 100.0)
    assert seen.window(110.0) == (NONE, 10.0)
    seen.add("a", totals(10_050, failed=5, stale=2), 120.0)
    seen.add("a", totals(10_050, failed=5, stale=2), 121.0)  # the same once more
    counts, seconds = seen.window(130.0) or (NONE, 0.0)
    assert (counts.requests, counts.failed, counts.stale, seconds) == (50, 5, 2, 30.0)


def test_workers_add_up_and_one_that_counts_anew_takes_nothing_away() -> None:
    seen = Traffic()
    for name in "ab":
        seen.add(name, totals(100), 0.0)
        seen.add(name, totals(130), 5.0)
    seen.add("a", totals(3), 10.0)
    seen.add("a", totals(5), 15.0)
    counts, _ = seen.window(20.0) or (NONE, 0.0)
    assert counts.requests == 62


def test_what_is_older_than_the_window_is_forgotten() -> None:
    seen = Traffic()
    seen.add("a", totals(0), 0.0)
    seen.add("a", totals(100), 10.0)
    seen.add("a", totals(101), WINDOW_S + 2 * SLOT_S)
    counts, seconds = seen.window(WINDOW_S + 2 * SLOT_S) or (NONE, 0.0)
    assert counts.requests == 1
    assert WINDOW_S - SLOT_S <= seconds <= WINDOW_S
    assert (seen.window(3 * WINDOW_S) or (totals(1), 0.0))[0] == NONE


def test_the_number_of_workers_is_bounded_and_silent_ones_make_room() -> None:
    seen = Traffic()
    for number in range(MOST_REPLICAS + 1):
        seen.add(f"r{number}", totals(1), 0.0)
    seen.add(f"r{MOST_REPLICAS}", totals(2), 1.0)
    assert (seen.window(1.0) or (totals(1), 0.0))[0] == NONE
    seen.add("late", totals(1), WINDOW_S + 1)
    seen.add("late", totals(4), WINDOW_S + 2)
    assert (seen.window(WINDOW_S + 2) or (NONE, 0.0))[0].requests == 3


def test_bins_of_another_release_give_no_latency_and_the_counts_hold() -> None:
    seen = Traffic()
    seen.add("a", TrafficCounts(5, seconds=(5, 0)), 0.0)
    seen.add("a", TrafficCounts(9, seconds=(9, 0)), 5.0)
    page = traffic(seen.window(10.0))
    assert page is not None
    assert (page["requests"], page["timed"], page["p50_ms"]) == (4, 0, None)


def test_the_figures_are_shares_and_the_ends_of_bins() -> None:
    counts = TrafficCounts(97, 1, 2, 10, (0, 0, 90, 0, 9, *[0] * (len(SECONDS) - 5), 1))
    page = traffic((counts, 50.0))
    assert page is not None
    assert (page["per_second"], page["p50_ms"], page["p99_ms"]) == (2.0, 2.0, 10.0)
    assert (page["failed_share"], page["stale_share"], page["refused"]) == (0.02, 0.1, 1)
    assert quantile_s(counts.seconds, 1.0) is None
    assert quantile_s(NO_SECONDS, 0.5) is None
    assert traffic(None) is None

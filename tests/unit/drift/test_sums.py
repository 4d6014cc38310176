"""The sums in model_server: each replica counts once, whatever it repeats; minutes and hours."""

from array import array

import pytest
from msgspec.structs import replace

from changeover.protocol.drift_counts import HourCounts, ReplicaCounts
from changeover.protocol.wire import MalformedAnswer
from model_server.drift.sums import MINUTES_KEPT, Sums, Total, added
from model_server.drift.windows import beginning_of, hour_of, hours_in, parse_window, text_of, window_at
from model_server.exceptions import MalformedRequest

VERSION = "a" * 64
KEY = ("loan", VERSION, "r")
NOON = beginning_of("2026-01-31T12")


def counts(*sums: int, hour: str = "2026-01-31T12", seen: int | None = None) -> HourCounts:
    return HourCounts("loan", VERSION, "r", hour, sum(sums) if seen is None else seen, sum(sums), [*sums])


def test_a_repeated_call_changes_nothing_and_a_later_one_adds_the_difference() -> None:
    sums = Sums()
    first = sums.add("w1", counts(1, 2), NOON)
    assert first == Total(3, 3, array("q", [1, 2]))
    assert sums.add("w1", counts(1, 2), NOON + 1) is None
    assert sums.add("w1", counts(4, 2, seen=9), NOON + 2) == Total(6, 3, array("q", [3, 0]))
    assert sums.of_hour(KEY, "2026-01-31T12") == Total(9, 6, array("q", [4, 2]))


def test_replicas_are_added() -> None:
    sums = Sums()
    for worker in range(4):
        sums.add(f"w{worker}", counts(worker, 1), NOON)
    assert sums.of_hour(KEY, "2026-01-31T12") == Total(10, 10, array("q", [6, 4]))


def test_counts_that_fall_are_not_taken() -> None:
    sums = Sums()
    sums.add("w1", counts(5, 5), NOON)
    assert sums.add("w1", counts(9, 4), NOON + 1) is None
    assert sums.of_hour(KEY, "2026-01-31T12") == Total(10, 10, array("q", [5, 5]))


def test_a_minute_has_what_came_in_it() -> None:
    sums = Sums()
    sums.add("w1", counts(1, 0), NOON)
    sums.add("w1", counts(1, 7), NOON + 61)
    assert sums.of_minutes(KEY, NOON, NOON + 60) == Total(1, 1, array("q", [1, 0]))
    assert sums.of_minutes(KEY, NOON + 60, NOON + 120) == Total(7, 7, array("q", [0, 7]))
    assert sums.of_minutes(KEY, NOON, NOON + 600) == Total(8, 8, array("q", [1, 7]))


def test_the_hour_that_a_worker_sends_to_a_new_model_server_is_of_no_minute() -> None:
    sums = Sums()
    assert sums.add("w1", replace(counts(100, 100), again=True), NOON) is None
    assert sums.add("w1", counts(101, 100), NOON + 1) == Total(1, 1, array("q", [1, 0]))
    assert sums.of_hour(KEY, "2026-01-31T12") == Total(201, 201, array("q", [101, 100]))
    assert sums.of_minutes(KEY, NOON, NOON + 60) == Total(1, 1, array("q", [1, 0]))


def test_minutes_are_forgotten_after_two_hours() -> None:
    sums = Sums()
    sums.add("w1", counts(1, 0), NOON)
    sums.add("w1", counts(1, 1), NOON + 60 * (MINUTES_KEPT + 1))
    assert sums.of_minutes(KEY, NOON, NOON + 60) == Total()


def test_the_oldest_minutes_are_forgotten_if_there_are_too_many() -> None:
    sums = Sums(most_minutes=3)
    for minute in range(6):
        sums.add("w1", counts(minute + 1, 0), NOON + 60 * minute)
    kept = [minute for minute in range(6) if sums.of_minutes(KEY, NOON + 60 * minute, NOON + 60 * minute + 60).rows]
    assert kept == [2, 3, 4, 5]
    assert sums.of_hour(KEY, "2026-01-31T12") == Total(6, 6, array("q", [6, 0]))


def test_an_hour_that_is_in_the_bucket_is_forgotten() -> None:
    sums = Sums()
    sums.add("w1", counts(1, 0), NOON)
    assert sums.hours() == ["2026-01-31T12"]
    ((version, totals),) = sums.versions_in("2026-01-31T12").items()
    assert (version, totals["r"].replicas["w1"].rows) == (("loan", VERSION), 1)
    sums.written("2026-01-31T12", "loan", VERSION)
    assert sums.hours() == []
    assert sums.of_hour(KEY, "2026-01-31T12") is None


def test_nothing_adds_up_to_nothing() -> None:
    assert added([]) == Total()
    assert added([Total(1, 1, array("q", [1])), Total()]) == Total(1, 1, array("q", [1]))


def test_windows_begin_at_multiples_of_their_length() -> None:
    assert window_at(NOON + 100, 3600) == (NOON, NOON + 3600)
    assert window_at(NOON + 100, 60) == (NOON + 60, NOON + 120)
    assert window_at(NOON + 100, 6 * 3600) == (NOON, NOON + 6 * 3600)
    assert hours_in(NOON - 3600, NOON + 3600) == ["2026-01-31T11", "2026-01-31T12"]
    assert (hour_of(NOON + 3599), text_of(NOON)) == ("2026-01-31T12", "2026-01-31T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("10m", 600), ("60m", 3600), ("6h", 21600), ("30d", 2592000)]
)
def test_a_window_is_minutes_that_divide_an_hour_or_whole_hours(text: str, seconds: int) -> None:
    assert parse_window(text) == seconds


@pytest.mark.parametrize("text", ["", "7m", "90m", "0h", "31d", "1", "h", "1w", "-1h", "1h "])
def test_another_window_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest, match="no window"):
        parse_window(text)


def test_counts_are_read_back() -> None:
    report = ReplicaCounts("w1", [counts(1, 2)])
    assert ReplicaCounts.decode(report.encode()) == report


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"replica": "w1"}',
        ReplicaCounts("w1", [counts(1, -2)]).encode(),
        ReplicaCounts("w1", [counts(1, hour="2026-01-31")]).encode(),
        ReplicaCounts("w1", [HourCounts("../loan", VERSION, "r", "2026-01-31T12", 0, 0, [])]).encode(),
        ReplicaCounts("w1", [HourCounts("loan", "latest", "r", "2026-01-31T12", 0, 0, [])]).encode(),
    ],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        ReplicaCounts.decode(body)

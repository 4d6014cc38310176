"""Durations, sizes and numbers, for people."""

import pytest

from model_server.console import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.0042, "4 ms"), (0.4, "400 ms"), (1.44, "1.4 s"), (41.9, "41 s"), (60, "1 min"), (92, "1 min 32 s")),
        *((11520, "3 h 12 min"), (86400, "1 d"), (86400 * 12 + 14400, "12 d 4 h"), (-5, "0 ms")),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(812, "812 B"), (1400, "1.4 kB"), (99405257, "99.4 MB"), (3e9, "3.0 GB")])
def test_a_size_has_its_unit(count: float, text: str) -> None:
    assert words.size(count) == text


def test_a_time_is_shown_to_the_second_and_another_text_as_it_is() -> None:
    assert words.clock_time("2026-11-26T14:02:31.123456Z") == "2026-11-26 14:02:31"
    assert words.clock_time("yesterday") == "yesterday"
    assert words.age("yesterday") == "-"
    assert words.seconds_between("2026-11-26T14:02:31Z", "2026-11-26T14:03:31Z") == 60.0


def test_a_noun_follows_its_number() -> None:
    assert [words.plural(count, "worker") for count in (0, 1, 1200)] == ["0 workers", "1 worker", "1,200 workers"]

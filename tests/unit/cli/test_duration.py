"""Durations on the command line."""

import click
import pytest

from changeover.cli.duration import Duration

HOUR = Duration(3600.0)


@pytest.mark.parametrize(("text", "seconds"), [("45", 45), ("90s", 90), ("10m", 600), ("1h", 3600), ("0.5 m", 30)])
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert HOUR.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1m", "10 days", "2h", "nan"])
def test_another_text_or_a_longer_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        HOUR.convert(text, None, None)

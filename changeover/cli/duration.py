"""A duration on the command line: `90s`, `10m`, `1h`, or a number of seconds."""

import re
from typing import Any, Final

import click

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """Seconds from a text such as `10m`; more than `longest` are refused."""

    name = "duration"

    def __init__(self, longest: float) -> None:
        self._longest = longest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; fails with the usage error of click."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no duration: write 90s, 10m or 1h", param, ctx)
        seconds = float(match[1]) * _SECONDS[match[2]]
        if seconds > self._longest:
            self.fail(f"{value!r} is longer than {self._longest / 3600:g} hours", param, ctx)
        return seconds

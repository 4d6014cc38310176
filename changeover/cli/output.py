"""The output of commands: short text, or one JSON document with `--json`, errors included.

Much of the text comes from services and their callers, so control characters are escaped.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from changeover.exceptions import ChangeoverError, ServiceRefused
from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json
from changeover.process import clock
from changeover.process.visible import dumps, visible


def answer(body: object, text: str | Sequence[str], as_json: bool) -> None:
    """Print `body` as JSON, or `text` as one line or several."""
    if as_json:
        click.echo(dumps(body, indent=2))
        return
    for line in [text] if isinstance(text, str) else text:
        say(line)


def say(line: str, err: bool = False) -> None:
    """Print one line for people; line ends in it are escaped."""
    click.echo(visible(line), err=err)


def fail(error: ChangeoverError | OSError, as_json: bool) -> None:
    """Print an error on standard error: a sentence that names the thing and the next step, or JSON."""
    if as_json:
        body: dict[str, object] = {"error": str(error), "kind": type(error).__name__}
        if isinstance(error, ServiceRefused):
            body["status"] = error.status
            body["problem"] = error.problem
        click.echo(dumps(body), err=True)
        return
    if not isinstance(error, ServiceRefused):
        click.echo(visible(f"error: {error}", keep="\n"), err=True)
        return
    say(f"error: {error}", err=True)
    for change in objects_in(object_in(error.problem.get("diff")).get("changes")):  # of a refused roll
        say(f"  {'breaks' if change.get('breaks') else 'widens'}  {change.get('says')}", err=True)
    for invalid in objects_in(error.problem.get("errors")):  # of a refused prediction
        position = " ".join(f"{name} {invalid[name]}" for name in ("row", "field") if name in invalid)
        say(f"  {position}: {invalid.get('message')}", err=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: columns as wide as their widest cell, two spaces between them."""
    shown = [[visible(cell) for cell in row] for row in [headings, *rows]]
    widths = [max(len(row[index]) for row in shown) for index in range(len(headings))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def ago(moment: Json) -> str:
    """The age of an RFC 3339 time, in one unit."""
    if not isinstance(moment, str) or not moment:
        return "-"
    try:
        seconds = (datetime.now(UTC) - clock.parse_rfc3339(moment)).total_seconds()
    except ValueError:
        return moment
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"


def size_of(count: Json) -> str:
    """A size in bytes, for people."""
    if not isinstance(count, int | float):
        return "-"
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def numbers(metrics: Json) -> str:
    """`auc=0.91 brier=0.08`."""
    if not isinstance(metrics, dict):
        return ""
    return " ".join(f"{name}={value:.4g}" for name, value in metrics.items() if isinstance(value, int | float))


class UploadProgress:
    """The progress line of an upload; on a terminal only."""

    def __init__(self, name: str, quiet: bool) -> None:
        self._name = name
        self._shown = -1
        self._on = not quiet and sys.stderr.isatty()

    def __call__(self, sent: int, total: int) -> None:
        """Show that `sent` of `total` bytes have been sent."""
        percent = 100 * sent // max(1, total)
        if not self._on or percent == self._shown:
            return
        self._shown = percent
        state = "examining..." if sent >= total else ""
        click.echo(f"\r{self._name}: {percent:3d} % of {size_of(total)} {state}", nl=False, err=True)

    def done(self) -> None:
        """Clear the line."""
        if self._on:
            click.echo("\r\x1b[K", nl=False, err=True)

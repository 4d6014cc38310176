"""`changeover watch`: one model live on a terminal, until Ctrl-C; elsewhere a line for each change."""

import signal
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import say
from changeover.cli.watch_tree import summary, tree
from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.process.visible import dumps, visible

if TYPE_CHECKING:
    from changeover.client.client import Client

# the other screen of the terminal, without a cursor, and back
_ENTER: Final = "\x1b[?1049h\x1b[?25l"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_TOP: Final = "\x1b[H"
_REST_OF_LINE: Final = "\x1b[K"
_REST_OF_SCREEN: Final = "\x1b[J"


@click.command(cls=Verb)
@click.argument("model_name", metavar="[MODEL]", required=False)
@model_option
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@stack_options
def watch(
    model_name: str | None,
    model: str | None,
    interval: float,
    as_json: bool,
    home: Path | None,
    server_url: str | None,
) -> None:
    """Watch MODEL live: the version that answers, its workers, a rollout and its seconds. Ctrl-C ends it."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model_name or model or client.default_model()
    first = client.model(name, live=True)
    pause = Pause(interval)
    with suppress(KeyboardInterrupt):
        if sys.stdout.isatty() and not as_json:
            _draw(client, name, first, pause)
        else:
            _print(client, name, first, pause, as_json)


class Pause:
    """The pause between two looks. Ctrl-C ends it, and the watch: also one that Python drops in a destructor."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._interrupted = seconds, False
        self._never = threading.Event()
        signal.signal(signal.SIGINT, self._interrupt)

    def wait(self) -> None:
        """Wait for the time of the next look; raises KeyboardInterrupt."""
        if not self._interrupted:
            self._never.wait(self._seconds)
        if self._interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt


def _draw(client: "Client", name: str, live: JsonObject, pause: Pause) -> None:
    """Draw the tree again and again; a server that does not answer is shown below it."""
    click.echo(_ENTER, nl=False)
    try:
        trouble = ""
        while True:
            shown = [*tree(live), "", trouble or click.style("Ctrl-C ends it", dim=True)]
            click.echo(_TOP + "".join(f"{line}{_REST_OF_LINE}\n" for line in shown) + _REST_OF_SCREEN, nl=False)
            pause.wait()
            try:
                live, trouble = client.model(name, live=True), ""
            except ChangeoverError as error:
                trouble = click.style(f"old since {_clock()}: {visible(str(error))}", fg="red")
    finally:
        click.echo(_LEAVE, nl=False)


def _print(client: "Client", name: str, live: JsonObject, pause: Pause, as_json: bool) -> None:
    """Print a line for each change."""
    before = ""
    while True:
        line = summary(live) if live else before
        if line != before:
            text = dumps(live) if as_json else visible(f"{_clock()} {line}")
            click.echo(text)
            sys.stdout.flush()
            before = line
        pause.wait()
        try:
            live = client.model(name, live=True)
        except ChangeoverError as error:
            live = {}
            if before != str(error):
                say(f"{_clock()} {name} | {error}", err=True)
                before = str(error)


def _clock() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

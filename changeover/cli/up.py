"""`changeover up`: runs the whole stack in the foreground, without Docker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from changeover import stack
from changeover.cli.command import Function, Verb, json_option
from changeover.process.visible import dumps, visible


def up_options(function: Function) -> Function:
    """The options of a verb that starts the stack."""
    options = (
        click.option(
            "--home",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path(stack.HOME),
            show_default=True,
            help="Folder for models, secrets, caches and logs.",
        ),
        _port("--predict-port", 5000, "Port of predict_api (0 = a free one)."),
        _port("--server-port", 5001, "Port of model_server (0 = a free one)."),
        _port("--store-port", 0, "Port of the object store (0 = a free one)."),
        click.option(
            "--workers",
            type=click.IntRange(1, 64),
            default=2,
            show_default=True,
            help="Worker processes of each predict_api.",
        ),
        click.option(
            "--replicas",
            type=click.IntRange(1, 32),
            default=1,
            show_default=True,
            help="Instances of predict_api, on ports after the first.",
        ),
        click.option("--tls", is_flag=True, help="Both services speak HTTPS, by certificates made in HOME/tls."),
        json_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def _port(name: str, default: int, text: str) -> Callable[[Function], Function]:
    return click.option(name, type=click.IntRange(0, 65535), default=default, show_default=True, help=text)


@click.command(cls=Verb)
@up_options
def up(as_json: bool, **options: Any) -> None:
    """Run store, model_server and predict_api here until Ctrl-C.

    Restarts one that dies. Settings of the services pass through from the environment, other variables do not. It ends
    when the process that started it does, unless that was nohup.
    """
    from changeover.up.supervisor import Options
    from changeover.up.supervisor import up as run_up

    def say(text: str) -> None:
        click.echo(dumps({"event": text}) if as_json else visible(text))

    run_up(Options(**options), say)

"""`changeover up`: the whole stack in the foreground, without Docker."""

from pathlib import Path

import click

from changeover import stack
from changeover.cli.command import Verb, json_option
from changeover.process.visible import dumps, visible

_PORT = click.IntRange(0, 65535)


@click.command(cls=Verb)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(stack.HOME),
    show_default=True,
    help="Folder for models, secrets, caches and logs.",
)
@click.option(
    "--predict-port", type=_PORT, default=5000, show_default=True, help="Port of predict_api (0 = a free one)."
)
@click.option(
    "--server-port", type=_PORT, default=5001, show_default=True, help="Port of model_server (0 = a free one)."
)
@click.option(
    "--store-port", type=_PORT, default=0, show_default=True, help="Port of the object store (0 = a free one)."
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes of each predict_api."
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    help="Instances of predict_api, on ports after the first.",
)
@json_option
def up(
    home: Path, predict_port: int, server_port: int, store_port: int, workers: int, replicas: int, as_json: bool
) -> None:
    """Run store, model_server and predict_api here until Ctrl-C.

    Restarts one that dies. Settings of the services pass through from the environment. It ends when the process that
    started it does, unless that was nohup.
    """
    from changeover.up.supervisor import Options
    from changeover.up.supervisor import up as run_up

    def say(text: str) -> None:
        click.echo(dumps({"event": text}) if as_json else visible(text))

    run_up(Options(home, predict_port, server_port, store_port, workers, replicas), say)

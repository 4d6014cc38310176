"""`changeover restart`: restarts a service of `changeover up`, as `docker compose restart` does."""

from pathlib import Path

import click

from changeover import stack
from changeover.cli.command import Verb, home_option, json_option
from changeover.cli.output import answer


@click.command(cls=Verb)
@click.argument("service", type=click.Choice(["model_server", "predict_api", "store"]))
@click.option(
    "--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds to wait until it is ready."
)
@home_option
@json_option
def restart(service: str, timeout: float, home: Path | None, as_json: bool) -> None:
    """Restart one service and wait until it is ready; instances of predict_api one after the other."""
    from changeover.up.restart import restart_service

    pids = restart_service(home or Path(stack.HOME), service, timeout)
    shown = ", ".join(f"{old} -> {new}" for old, new in pids)
    body = {"service": service, "restarted": [{"before": old, "after": new} for old, new in pids]}
    answer(body, f"{service} restarted (process {shown})", as_json)

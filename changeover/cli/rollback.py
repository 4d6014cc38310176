"""`changeover rollback`: makes the previous version current."""

from pathlib import Path

import click

from changeover.cli.command import Verb, model_option, rollout_options, stack_options
from changeover.cli.roll import conclude, tell_state


@click.command(cls=Verb)
@model_option
@rollout_options
@stack_options
def rollback(
    model: str | None,
    reason: str,
    wait: bool,
    timeout: float,
    as_json: bool,
    home: Path | None,
    server_url: str | None,
) -> None:
    """Make the previous version current, by a new rollout."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model or client.default_model()
    tell = None if as_json else tell_state
    rollout = client.rollback(model=name, reason=reason, wait=timeout if wait else 0, progress=tell)
    conclude(name, rollout, waited=wait, as_json=as_json)

"""`changeover rollback`: makes the previous version current."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option, rollout_options
from changeover.cli.roll import conclude, print_state

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@model_option
@rollout_options
@client_options
def rollback(client: "Client", name: str, reason: str, wait: bool, timeout: float, as_json: bool) -> None:
    """Make the previous version current, by a new rollout."""
    progress = None if as_json else print_state
    rollout = client.rollback(model=name, reason=reason, wait=timeout if wait else 0, progress=progress)
    conclude(name, rollout, waited=wait, as_json=as_json)

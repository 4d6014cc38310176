"""`changeover abort`: aborts the rollout under way."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer
from changeover.names import short
from changeover.protocol.wire import RolloutState

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@click.argument("rollout", required=False)
@model_option
@click.option("--reason", default="", help="Reason, for the record of the rollout.")
@client_options
def abort(client: "Client", name: str, rollout: str | None, reason: str, as_json: bool) -> None:
    """Abort ROLLOUT (its id or sequence; the one under way if none is named): the old version goes on answering."""
    ended = client.abort(rollout, model=name, reason=reason)
    state, version = ended.get("state"), short(str(ended.get("version")))
    if state == RolloutState.ABORTED:
        text = f"the rollout of {name} to {version} was aborted, the old version serves"
    elif state == RolloutState.COMMITTED:
        text = f"too late: {name} answers by {version} (sequence {ended.get('sequence')}); next: changeover rollback -m {name}"
    else:
        text = f"the rollout of {name} to {version} is {state}; next: changeover show -m {name}"
    answer(ended, text, as_json)
    if state != RolloutState.ABORTED:
        raise click.exceptions.Exit(1)

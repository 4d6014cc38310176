"""`changeover roll`: makes a version current on every replica."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option, promotion_options, rollout_options
from changeover.cli.duration import Duration
from changeover.cli.output import answer, say
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.protocol.wire import LONGEST_REHEARSAL_S, RolloutState

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@click.argument("version", required=False)
@model_option
@rollout_options
@promotion_options
@click.option(
    "--rehearse",
    type=Duration(LONGEST_REHEARSAL_S),
    metavar="DURATION",
    help="Let the version answer a sample of live requests in the background, for 90s, 10m or 1h, before the switch.",
)
@click.option(
    "--watch",
    type=Duration(LONGEST_REHEARSAL_S),
    default=0.0,
    metavar="DURATION",
    help="Roll back by itself if requests fail, take longer or get other labels in this time after the switch.",
)
@client_options
def roll(
    client: "Client",
    name: str,
    version: str | None,
    reason: str,
    wait: bool,
    timeout: float,
    allow_schema_change: bool,
    skip_gate: bool,
    rehearse: float | None,
    watch: float,
    as_json: bool,
) -> None:
    """Make VERSION (8 digits or more; the newest admitted if none is named) current."""
    wanted = version or client.newest_admitted(name)
    if not as_json:
        say(f"rolling {name} to {short(wanted)}")
    rollout = client.roll(
        wanted,
        model=name,
        reason=reason,
        wait=timeout if wait else 0,
        allow_schema_change=allow_schema_change,
        skip_gate=skip_gate,
        rehearse=rehearse,
        watch=watch,
        progress=None if as_json else print_state,
    )
    conclude(name, rollout, waited=wait, as_json=as_json)


def print_state(state: str) -> None:
    """Print the state of a rollout as one line."""
    say(f"  {state}")


def conclude(name: str, rollout: JsonObject, *, waited: bool, as_json: bool) -> None:
    """Print the end of a rollout; exit code 1 if it was waited for and is not committed."""
    state, version = rollout.get("state"), short(str(rollout.get("version")))
    if state == RolloutState.COMMITTED:
        text = f"{name} answers by {version} (sequence {rollout.get('sequence')})"
    elif state == RolloutState.ABORTED:
        text = f"the rollout to {version} was aborted, the old version serves: {rollout.get('reason')}"
    else:
        text = f"the rollout to {version} is {state}; next: changeover show -m {name}"
    answer(rollout, text, as_json)
    if waited and state != RolloutState.COMMITTED:
        raise click.exceptions.Exit(1)

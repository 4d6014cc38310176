"""`changeover roll`: makes a version current on every replica."""

from pathlib import Path

import click

from changeover.cli.command import Verb, model_option, promotion_options, rollout_options, stack_options
from changeover.cli.output import answer, say
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.protocol.wire import RolloutState


@click.command(cls=Verb)
@click.argument("version", required=False)
@model_option
@rollout_options
@promotion_options
@stack_options
def roll(
    version: str | None,
    model: str | None,
    reason: str,
    wait: bool,
    timeout: float,
    allow_schema_change: bool,
    skip_gate: bool,
    as_json: bool,
    home: Path | None,
    server_url: str | None,
) -> None:
    """Make VERSION (8 digits or more; the newest admitted if none is named) current."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model or client.default_model()
    wanted = version or client.newest_admitted(name)
    if not as_json:
        say(f"rolling {name} to {short(wanted)}")
    tell = None if as_json else tell_state
    rollout = client.roll(
        wanted,
        model=name,
        reason=reason,
        wait=timeout if wait else 0,
        allow_schema_change=allow_schema_change,
        skip_gate=skip_gate,
        progress=tell,
    )
    conclude(name, rollout, waited=wait, as_json=as_json)


def tell_state(state: str) -> None:
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

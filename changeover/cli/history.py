"""`changeover history`: prints the ledger."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer, table
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@model_option
@click.option(
    "--at", metavar="TIME", help="Only the version that was current at this time, such as 2026-01-31T12:00:00Z."
)
@client_options
def history(client: "Client", name: str, at: str | None, as_json: bool) -> None:
    """Print the ledger, newest first: each rollout's version, time, caller and reason."""
    rollouts = client.history(name, at)
    rows = [
        [
            str(rollout.get("sequence") or "-"),
            str(rollout.get("rolled_at", "")),
            short(str(rollout.get("version", ""))),
            short(str(rollout.get("previous") or "")) or "-",
            str(rollout.get("state", "")),
            str(rollout.get("by") or "-"),
            str(rollout.get("on_behalf_of") or "-"),
            str(rollout.get("reason") or ""),
        ]
        for rollout in rollouts
    ]
    headings = ["SEQUENCE", "ROLLED AT", "VERSION", "PREVIOUS", "STATE", "BY", "ON BEHALF OF", "REASON"]
    nothing = f"{name} was never rolled" if not at else f"nothing of {name} was live at {at}"
    answer({"model": name, "rollouts": rollouts}, table(headings, rows) if rows else [nothing], as_json)

"""`changeover history`: prints the ledger."""

from pathlib import Path

import click

from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import answer, table
from changeover.names import short


@click.command(cls=Verb)
@model_option
@click.option(
    "--at", metavar="TIME", help="Only the version that was current at this time, such as 2026-01-31T12:00:00Z."
)
@stack_options
def history(model: str | None, at: str | None, as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Print the ledger, newest first: each rollout's version, time, user and reason."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model or client.default_model()
    rollouts = client.history(name, at)
    rows = [
        [
            str(rollout.get("sequence") or "-"),
            str(rollout.get("rolled_at", "")),
            short(str(rollout.get("version", ""))),
            short(str(rollout.get("previous") or "")) or "-",
            str(rollout.get("state", "")),
            str(rollout.get("by") or "-"),
            str(rollout.get("reason") or ""),
        ]
        for rollout in rollouts
    ]
    headings = ["SEQUENCE", "ROLLED AT", "VERSION", "PREVIOUS", "STATE", "BY", "REASON"]
    nothing = f"{name} was never rolled" if not at else f"nothing of {name} was live at {at}"
    answer({"model": name, "rollouts": rollouts}, table(headings, rows) if rows else [nothing], as_json)

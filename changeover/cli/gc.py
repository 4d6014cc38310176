"""`changeover gc`: removes the bytes of old versions; ledger and manifests stay."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer, say, size_of, table
from changeover.client.retention import Removed
from changeover.json_documents import object_in, objects_in
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client

_SHOWN = 20


@click.command(cls=Verb)
@click.option("--keep", type=click.IntRange(0), default=10, show_default=True, help="Versions to keep: the newest.")
@click.option(
    "--keep-days",
    type=click.FloatRange(0),
    default=90.0,
    show_default=True,
    help="Days: versions published or current in them are kept, too.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@click.option("--reason", default="", help="Reason, for the tombstones.")
@click.option("--all", "all_models", is_flag=True, help="Of every model, instead of one.")
@model_option
@client_options
def gc(
    client: "Client",
    name: str,
    keep: int,
    keep_days: float,
    dry_run: bool,
    reason: str,
    all_models: bool,
    as_json: bool,
) -> None:
    """Remove the bytes of old versions; ledger and manifests stay.

    A version in use is kept: current, previous, pinned, in a rollout or rehearsal, on a replica, held by a bulk run. The
    same bytes, published again, bring a version back.
    """
    names = [str(each.get("model")) for each in objects_in(client.models().get("models"))] if all_models else [name]
    results = []
    for model in names:
        progress = None if as_json else lambda done: say(f"{done} removed so far", err=True)
        results.append(
            client.gc(model, keep=keep, keep_days=keep_days, dry_run=dry_run, reason=reason, progress=progress)
        )
    lines = [line for result in results for line in _lines(result, dry_run=dry_run)]
    bodies = [result.to_json() for result in results]
    answer({"models": bodies} if all_models else bodies[0], lines, as_json)


def _lines(result: Removed, *, dry_run: bool) -> list[str]:
    would = "would be removed" if dry_run else "removed"
    uses = objects_in(object_in(result.kept).get("in_use"))
    lines = [f"{result.model}: {len(result.versions)} versions {would}, {size_of(result.size)}"]
    rows = [
        [short(str(each.get("version"))), size_of(each.get("size")), str(each.get("created_at"))[:19]]
        for each in result.versions[:_SHOWN]
    ]
    if rows:
        lines += table(["VERSION", "SIZE", "CREATED"], rows)
    if len(result.versions) > _SHOWN:
        lines.append(f"and {len(result.versions) - _SHOWN} more, see --json")
    lines.append(f"kept: {result.kept.get('newest')} newest, {result.kept.get('recent')} recent, {len(uses)} in use")
    lines += [f"  {short(str(each.get('version')))}  {each.get('use')}" for each in uses[:_SHOWN]]
    return lines

"""`changeover show`: prints one version, or the current version and the replicas that serve it."""

from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import ago, answer, numbers, size_of
from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json, JsonObject
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@click.argument("version", required=False)
@model_option
@client_options
def show(client: "Client", name: str, version: str | None, as_json: bool) -> None:
    """Show the manifest of VERSION (8 digits or more), or the model itself: current, rollout, replicas."""
    if version:
        manifest = client.manifest(version, name)
        answer(manifest, _manifest(manifest), as_json)
        return
    body = client.model(name)
    answer(body, _model(name, body), as_json)


def _manifest(manifest: JsonObject) -> list[str]:
    estimator = object_in(manifest.get("estimator"))
    schema = object_in(manifest.get("schema"))
    golden = object_in(manifest.get("golden"))
    columns, rows = schema.get("columns"), golden.get("rows")
    lines = [
        f"version      {manifest.get('version')}",
        f"model        {manifest.get('model')}",
        f"state        {manifest.get('state', '-')}",
        f"created      {manifest.get('created_at')} ({ago(manifest.get('created_at'))}), {size_of(manifest.get('size'))}",
        f"estimator    {estimator.get('type', '-')} ({estimator.get('kind', '-')})",
        f"classes      {manifest.get('classes')}",
        f"rows         {_rows(manifest.get('row_independent'))}",
        f"columns      {_columns(columns)}",
        f"golden rows  {len(rows) if isinstance(rows, list) else 0}",
        f"metrics      {numbers(manifest.get('metrics')) or '-'}",
        f"built with   {' '.join(f'{name} {value}' for name, value in object_in(manifest.get('environment')).items()) or '-'}",
        f"came by      {' '.join(str(value) for value in object_in(manifest.get('provenance')).values() if value) or '-'}",
    ]
    removed = object_in(manifest.get("removed"))
    if removed:
        who, why = (str(removed.get(name) or "-") for name in ("by", "reason"))
        lines.insert(
            3, f"removed      {removed.get('removed_at')} by {who}: {why}; push the same bytes to have it back"
        )
    outputs = manifest.get("outputs")
    if isinstance(outputs, list) and outputs:
        lines.append(f"outputs      {', '.join(map(str, outputs))}")
    if manifest.get("description"):
        lines.append(f"description  {manifest['description']}")
    warnings = manifest.get("warnings")
    lines += [f"warning      {warning}" for warning in (warnings if isinstance(warnings, list) else [])]
    return lines


def _rows(independent: Json) -> str:
    return "independent" if independent is not False else "dependent: scored with those of the same request only"


def _columns(columns: Json) -> str:
    names = [str(column.get("name")) for column in objects_in(columns)]
    return f"{len(names)}: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _model(name: str, body: JsonObject) -> list[str]:
    current, rollout = object_in(body.get("current")), object_in(body.get("rollout"))
    lines = [
        f"model     {name}",
        f"current   {_version(current)}",
        f"previous  {_version(body.get('previous'))}",
        f"rollout   {rollout.get('state')} to {short(str(rollout.get('version')))}" if rollout else "rollout   none",
    ]
    lines += [
        f"replica   {replica.get('replica')} on {replica.get('host')} holds {_version(replica.get('held'))}"
        for replica in objects_in(body.get("replicas"))
    ]
    return lines


def _version(value: Json) -> str:
    if isinstance(value, str) and value:
        return short(value)
    entry = object_in(value)
    return f"{short(str(entry['version']))} (sequence {entry.get('sequence')})" if entry.get("version") else "none"

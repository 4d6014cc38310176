"""`changeover show`: prints one version, or the current version and the replicas that serve it."""

from pathlib import Path

import click

from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import ago, answer, numbers, size_of
from changeover.json_types import Json, JsonObject
from changeover.names import short


@click.command(cls=Verb)
@click.argument("version", required=False)
@model_option
@stack_options
def show(version: str | None, model: str | None, as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Show the manifest of VERSION (8 digits or more), or the model itself: current, rollout, replicas."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model or client.default_model()
    if version:
        manifest = client.manifest(version, name)
        answer(manifest, _manifest(manifest), as_json)
        return
    body = client.model(name)
    answer(body, _model(name, body), as_json)


def _manifest(manifest: JsonObject) -> list[str]:
    estimator = _object(manifest.get("estimator"))
    schema = _object(manifest.get("schema"))
    golden = _object(manifest.get("golden"))
    columns, rows = schema.get("columns"), golden.get("rows")
    lines = [
        f"version      {manifest.get('version')}",
        f"model        {manifest.get('model')}",
        f"state        {manifest.get('state', '-')}",
        f"created      {manifest.get('created_at')} ({ago(manifest.get('created_at'))}), {size_of(manifest.get('size'))}",
        f"estimator    {estimator.get('type', '-')} ({estimator.get('kind', '-')})",
        f"classes      {manifest.get('classes')}",
        f"columns      {_columns(columns)}",
        f"golden rows  {len(rows) if isinstance(rows, list) else 0}",
        f"metrics      {numbers(manifest.get('metrics')) or '-'}",
        f"built with   {' '.join(f'{name} {value}' for name, value in _object(manifest.get('environment')).items()) or '-'}",
        f"came by      {' '.join(str(value) for value in _object(manifest.get('provenance')).values() if value) or '-'}",
    ]
    if manifest.get("description"):
        lines.append(f"description  {manifest['description']}")
    warnings = manifest.get("warnings")
    lines += [f"warning      {warning}" for warning in (warnings if isinstance(warnings, list) else [])]
    return lines


def _columns(columns: Json) -> str:
    if not isinstance(columns, list):
        return "-"
    names = [str(column.get("name")) for column in columns if isinstance(column, dict)]
    return f"{len(names)}: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _model(name: str, body: JsonObject) -> list[str]:
    current, rollout = _object(body.get("current")), _object(body.get("rollout"))
    lines = [
        f"model     {name}",
        f"current   {_version(current)}",
        f"previous  {_version(body.get('previous'))}",
        f"rollout   {rollout.get('state')} to {short(str(rollout.get('version')))}" if rollout else "rollout   none",
    ]
    replicas = body.get("replicas")
    lines += [
        f"replica   {replica.get('replica')} on {replica.get('host')} holds {_version(replica.get('held'))}"
        for replica in (replicas if isinstance(replicas, list) else [])
        if isinstance(replica, dict)
    ]
    return lines


def _version(value: Json) -> str:
    if isinstance(value, str) and value:
        return short(value)
    held = _object(value)
    return f"{short(str(held['version']))} (sequence {held.get('sequence')})" if held.get("version") else "none"


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}

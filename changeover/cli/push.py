"""`changeover push`: uploads an artifact as a version."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from msgspec.structs import replace

from changeover.cli.command import Function, Verb, model_option, promotion_options, stack_options
from changeover.cli.output import UploadProgress, answer, say
from changeover.cli.roll import print_state
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft
from changeover.protocol.wire import RolloutState, VersionState

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def _file(name: str, text: str) -> Callable[[Function], Function]:
    return click.option(name, type=_FILE, help=text)


@click.command(cls=Verb)
@click.argument("file", type=_FILE)
@model_option
@click.option("--name", "named", metavar="MODEL", help="Alias of --model.")
@click.option("--roll", "then_roll", is_flag=True, help="Make it current as soon as it is admitted.")
@click.option(
    "--metric",
    "--metrics",
    "metrics",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A metric, for people and for the server's GATE; may be repeated.",
)
@click.option(
    "--evaluated-on",
    metavar="FILE|SHA256",
    help="The held-out data that the metrics were measured on: a .csv or .parquet file, or its digest.",
)
@_file("--example", "JSON file of rows that every replica must be able to answer before a roll.")
@_file("--reference", "The table that live inputs are compared with: a .csv or .parquet file (docs/drift.md).")
@_file("--reference-predictions", "Answers to its rows, or the probabilities of all classes: a .csv or .parquet file.")
@_file("--manifest", "JSON file of the manifest: schema, metrics, environment, golden rows.")
@_file("--schema", "JSON file of the schema: the edited output of `changeover schema`.")
@click.option(
    "--output-names", metavar="NAME,...", default="", help="Names of the values of a prediction, if it has several."
)
@click.option("--description", default="", help="Description of the version, in a sentence.")
@click.option("--reason", default="", help="Reason of the roll, for the ledger.")
@promotion_options
@stack_options
def push(
    file: Path,
    model: str | None,
    named: str | None,
    then_roll: bool,
    metrics: tuple[str, ...],
    evaluated_on: str | None,
    example: Path | None,
    reference: Path | None,
    reference_predictions: Path | None,
    manifest: Path | None,
    schema: Path | None,
    output_names: str,
    description: str,
    reason: str,
    allow_schema_change: bool,
    skip_gate: bool,
    as_json: bool,
    home: Path | None,
    server_url: str | None,
) -> None:
    """Publish the joblib or ONNX FILE as a version; equal bytes are the same version."""
    from changeover.client.client import Client
    from changeover.client.evaluation import read_table

    draft = _draft(manifest, metrics, example, schema, description)
    progress = UploadProgress(file.name, quiet=as_json)
    client = Client(server_url, home=home)
    name = model or named or client.default_model()
    outputs = [part.strip() for part in output_names.split(",")] if output_names else []
    try:
        tables = [table and read_table(table) for table in (reference, reference_predictions)]
        more: dict[str, Any] = {"reference": tables[0], "reference_predictions": tables[1], "outputs": outputs}
        published = client.publish(file, name, draft=draft, evaluation_data=evaluated_on, progress=progress, **more)
    finally:
        progress.done()
    body, lines = published.to_json(), _summary(published, name)
    committed = True
    if then_roll:
        if not as_json:
            for line in lines:
                say(line)
            lines = []
        more = {"reason": reason, "allow_schema_change": allow_schema_change, "skip_gate": skip_gate}
        rollout = client.roll(published.version, model=name, progress=None if as_json else print_state, **more)
        body["rollout"] = rollout
        committed = rollout.get("state") == RolloutState.COMMITTED
        lines.append("it is current" if committed else f"it is not current: {rollout.get('reason') or 'see show'}")
    elif published.state == VersionState.ADMITTED:
        lines.append(f"next: changeover roll {published.version[:12]} -m {name}")
    answer(body, lines, as_json)
    if not committed:
        raise click.exceptions.Exit(1)


def _summary(published: Any, name: str) -> list[str]:
    """The lines about a published version."""
    lines = [f"{published.version} {published.state} as {name}{'' if published.created else ' (it was there already)'}"]
    if published.returned:
        lines.append("its bytes are there again: they had been removed")
    if published.updated:
        lines.append(f"added to its manifest: {', '.join(published.updated)}")
    return [*lines, *(f"warning: {warning}" for warning in published.warnings)]


def _draft(
    manifest: Path | None, metrics: tuple[str, ...], example: Path | None, schema: Path | None, description: str
) -> Draft | None:
    """The draft of the manifest: from the manifest file, overridden by the other options."""
    from changeover.schema.schema import Schema

    draft = Draft.from_json(_json(manifest, "--manifest")) if manifest else Draft()
    figures = dict(_figure(text) for text in metrics)
    golden: JsonObject | None = {"rows": list[Json](_rows(example))} if example else draft.golden
    completed = replace(
        draft,
        schema=Schema.from_json(_json(schema, "--schema"), strict=True).to_json() if schema else draft.schema,
        metrics={**draft.metrics, **figures},
        golden=golden,
        description=description or draft.description,
    )
    return None if completed == Draft() else completed


def _figure(text: str) -> tuple[str, float]:
    name, equals, number = text.partition("=")
    try:
        if not name or not equals:
            raise ValueError
        figure = float(number)
        if not math.isfinite(figure):
            raise ValueError
    except ValueError:
        raise click.BadParameter(f"{text!r} is not NAME=NUMBER, as in auc=0.91", param_hint="--metric") from None
    return name, figure


def _rows(path: Path) -> list[JsonObject]:
    body = _json(path, "--example")
    rows = body if isinstance(body, list) else [body]
    objects = [row for row in rows if isinstance(row, dict)]
    if not objects or len(objects) != len(rows):
        raise click.BadParameter(f"{path} holds no row: an object, or an array of objects", param_hint="--example")
    return objects


def _json(path: Path, option: str) -> Json:
    try:
        body: Json = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{path} is no JSON: {error}", param_hint=option) from error
    return body

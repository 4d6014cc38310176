"""`changeover diff`: compares two versions."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import answer, size_of, table
from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from changeover.manifest.diff import Answers, VersionDiff, answers_compared, kept, row_key
from changeover.manifest.diff import diff as of_manifests
from changeover.manifest.manifest import Manifest
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client

_WIDTH = 100


@click.command(cls=Verb)
@click.argument("a")
@click.argument("b")
@model_option
@stack_options
def diff(a: str, b: str, model: str | None, as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Compare version B with version A: schema, metrics, environment, size, and answers to their golden rows."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    name = model or client.default_model()
    one, other = (Manifest.from_json(client.manifest(version, name)) for version in (a, b))
    found = of_manifests(one, other, _answers(client, one, other))
    answer(found.to_json(), _text(found), as_json)


def _answers(client: "Client", a: Manifest, b: Manifest) -> Answers:
    """Both versions' answers to all golden rows; missing answers are computed here from the artifact."""
    rows_of_a, rows_of_b = kept(a), kept(b)
    rows = {key: row for key, (row, _) in (rows_of_a | rows_of_b).items()}
    told, cannot = [], []
    for manifest, own in ((a, rows_of_a), (b, rows_of_b)):
        known = {key: output for key, (_, output) in own.items()}
        missing = [row for key, row in rows.items() if key not in own]
        if missing:
            asked, reasons = _ask(client, manifest, missing)
            known |= asked
            cannot += reasons
        told.append(known)
    if not rows:
        cannot.append("neither version has golden rows")
    return answers_compared(list(rows.values()), told[0], told[1], cannot)


def _ask(client: "Client", manifest: Manifest, rows: list[JsonObject]) -> tuple[dict[str, Json], list[str]]:
    """The version's answers to `rows`, computed from its verified artifact, and the reasons for missing answers."""
    from changeover import digest
    from changeover.artifact.load import load_model
    from changeover.estimator.golden_rows import record
    from changeover.schema.schema import Schema

    try:
        with tempfile.TemporaryDirectory(prefix="changeover-") as folder:
            path = Path(folder) / "model.joblib"
            client.fetch(manifest.version, path, manifest.model)
            buffer = path.read_bytes()
        digest.verify(buffer, manifest.version)
        estimator = load_model(buffer)
        schema = Schema.from_json(manifest.schema)
    except ChangeoverError as error:
        return {}, [f"{short(manifest.version)} cannot be asked {len(rows)} rows: {error}"]
    answers: dict[str, Json] = {}
    refused: list[str] = []
    for row in rows:
        try:
            outputs = record(estimator, schema, [row])["outputs"]
            answers[row_key(row)] = outputs[0] if isinstance(outputs, list) else None
        except ChangeoverError as error:
            refused.append(str(error))
    if not refused:
        return answers, []
    return answers, [f"{short(manifest.version)} does not answer {len(refused)} of the other's rows: {refused[0]}"]


def _text(found: VersionDiff) -> list[str]:
    a, b = found.a, found.b
    lines = [f"A  {short(a.version)}  {a.created_at}", f"B  {short(b.version)}  {b.created_at}", ""]
    lines += _schema_lines(found)
    rows = [["size", size_of(a.size), size_of(b.size), f"{b.size - a.size:+d} B"]]
    rows += [
        [figure.name, _number(figure.a), _number(figure.b), _signed(figure.difference)] for figure in found.metrics
    ]
    rows += [[name, one or "-", other or "-", "differs"] for name, one, other in found.environment]
    lines += ["", *table(["", "A", "B", "DIFFERENCE"], rows).splitlines()]
    if found.metrics and found.same_data is not True:
        why = "on different held-out data" if found.same_data is False else "on data that is not named for both"
        lines.append(f"the metrics were measured {why}: do not compare them")
    return [*lines, "", *_answer_lines(found)]


def _schema_lines(found: VersionDiff) -> list[str]:
    changes = found.schema.changes
    if not changes:
        return ["schema   the same"]
    verdict = "compatible" if found.schema.compatible else "NOT compatible: a roll needs --allow-schema-change"
    return [f"schema   {verdict}", *(f"  {'breaks' if one.breaks else 'widens'}  {one.says}" for one in changes)]


def _answer_lines(found: VersionDiff) -> list[str]:
    answers = found.answers
    lines = [f"golden rows  {answers.differ} of {answers.compared} answered differently"] if answers.compared else []
    lines += [
        f"  {difference['part']}: {difference['a']} -> {difference['b']} for {_shown(difference['row'])}"
        for difference in answers.differences
    ]
    if answers.differ > len(answers.differences):
        lines.append(f"  and {answers.differ - len(answers.differences)} more")
    return [*lines, *(f"not compared: {reason}" for reason in answers.cannot)]


def _shown(row: Json) -> str:
    text = row_key(row)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.6g}"


def _signed(difference: float | None) -> str:
    return "-" if difference is None else f"{difference:+.6g}"

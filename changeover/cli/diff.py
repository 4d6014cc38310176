"""`changeover diff`: compares two versions."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer, size_of, table
from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from changeover.manifest.compatibility import SchemaDiff
from changeover.manifest.diff import GoldenDiff, VersionDiff, compare_answers, golden_answers, row_key
from changeover.manifest.diff import diff as compare_versions
from changeover.manifest.manifest import Manifest
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client

_WIDTH = 100


@click.command(cls=Verb)
@click.argument("a")
@click.argument("b")
@model_option
@client_options
def diff(client: "Client", name: str, a: str, b: str, as_json: bool) -> None:
    """Compare version B with version A: schema, metrics, environment, size, and answers to their golden rows."""
    first, second = (Manifest.from_json(client.manifest(version, name)) for version in (a, b))
    comparison = compare_versions(first, second, _golden(client, first, second))
    answer(comparison.to_json(), _lines(comparison), as_json)


def _golden(client: "Client", a: Manifest, b: Manifest) -> GoldenDiff:
    """Compare both versions' answers to all golden rows; missing answers are computed here from the artifact."""
    stored = {version: golden_answers(manifest) for version, manifest in (("a", a), ("b", b))}
    rows = {key: row for answers in stored.values() for key, (row, _) in answers.items()}
    answers, not_compared = [], []
    for manifest, known in ((a, stored["a"]), (b, stored["b"])):
        missing = [row for key, row in rows.items() if key not in known]
        computed, reasons = _compute(client, manifest, missing) if missing else ({}, [])
        answers.append({key: output for key, (_, output) in known.items()} | computed)
        not_compared += reasons
    if not rows:
        not_compared.append("neither version has golden rows")
    return compare_answers(list(rows.values()), answers[0], answers[1], not_compared)


def _compute(client: "Client", manifest: Manifest, rows: list[JsonObject]) -> tuple[dict[str, Json], list[str]]:
    """The version's answers to `rows`, computed from its verified artifact, and the reasons for missing answers.

    A confined process without this one's token computes them: it runs the model's code.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="changeover-") as folder:
            path = Path(folder) / "model.joblib"
            client.fetch(manifest.version, path, manifest.model)
            request = json.dumps({"manifest": manifest.to_json(), "rows": rows}).encode() + b"\n" + path.read_bytes()
        body = _ask_a_runner(request)
    except ChangeoverError as error:
        body = {"failed": str(error)}
    if failed := body.get("failed"):
        return {}, [f"{short(manifest.version)} cannot be asked {len(rows)} rows: {failed}"]
    outputs, refused = body["answers"], body["refused"]
    answers = {row_key(row): output for row, output in zip(rows, outputs, strict=True) if output is not None}
    if not refused:
        return answers, []
    return answers, [f"{short(manifest.version)} does not answer {len(refused)} of the other's rows: {refused[0]}"]


def _ask_a_runner(request: bytes) -> dict[str, Any]:
    command = [sys.executable, "-I", "-m", "model_runner.answers"]
    ended = subprocess.run(command, input=request, capture_output=True, env={"LANG": "C.UTF-8"}, check=False)  # noqa: S603  our own module
    try:
        body = json.loads(ended.stdout)
    except ValueError:
        return {"failed": f"the process that runs it ended with status {ended.returncode}"}
    return body if isinstance(body, dict) else {"failed": "the process that runs it gave no answers"}


def _lines(comparison: VersionDiff) -> list[str]:
    a, b = comparison.a, comparison.b
    lines = [f"A  {short(a.version)}  {a.created_at}", f"B  {short(b.version)}  {b.created_at}", ""]
    lines += _schema_lines(comparison.schema)
    rows = [["size", size_of(a.size), size_of(b.size), f"{b.size - a.size:+d} B"]]
    rows += [
        [figure.name, _number(figure.a), _number(figure.b), _number(figure.difference, "+")]
        for figure in comparison.metrics
    ]
    rows += [[name, in_a or "-", in_b or "-", "differs"] for name, in_a, in_b in comparison.environment]
    lines += ["", *table(["", "A", "B", "DIFFERENCE"], rows)]
    if comparison.metrics and comparison.same_data is not True:
        why = "on different held-out data" if comparison.same_data is False else "on data that is not named for both"
        lines.append(f"the metrics were measured {why}: do not compare them")
    return [*lines, "", *_golden_lines(comparison.golden)]


def _schema_lines(schema: SchemaDiff) -> list[str]:
    if not schema.changes:
        return ["schema   the same"]
    verdict = "compatible" if schema.compatible else "NOT compatible: a roll needs --allow-schema-change"
    changes = [f"  {'breaks' if change.breaks else 'widens'}  {change.says}" for change in schema.changes]
    return [f"schema   {verdict}", *changes]


def _golden_lines(golden: GoldenDiff) -> list[str]:
    lines = [f"golden rows  {golden.differ} of {golden.compared} answered differently"] if golden.compared else []
    for difference in golden.differences:
        row = row_key(difference["row"])
        shown = row if len(row) <= _WIDTH else f"{row[:_WIDTH]}..."
        lines.append(f"  {difference['part']}: {difference['a']} -> {difference['b']} for {shown}")
    if golden.differ > len(golden.differences):
        lines.append(f"  and {golden.differ - len(golden.differences)} more")
    return [*lines, *(f"not compared: {reason}" for reason in golden.not_compared)]


def _number(figure: float | None, sign: str = "") -> str:
    return "-" if figure is None else f"{figure:{sign}.6g}"

"""`changeover verify`: checks a version's hash, and that predict_api serves that version."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from changeover.cli.check import Check
from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer
from changeover.cli.verify_seals import keys_option, sealed, trusted
from changeover.exceptions import ChangeoverError, DigestMismatch, ServiceRefused
from changeover.json_documents import object_in
from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import differing_part
from changeover.names import short
from changeover.protocol.wire import REPR_DIGEST

if TYPE_CHECKING:
    from changeover.client.client import Client


MOST_ALONE: Final = 50  # golden rows that are asked alone


@click.command(cls=Verb)
@click.argument("version", required=False)
@keys_option
@model_option
@client_options
def verify(client: "Client", name: str, version: str | None, keys_file: Path | None, as_json: bool) -> None:
    """Check the bytes of VERSION (default: the current one), its seals and, if it is current, the answers of predict_api.

    The seals are those of its manifest and of every entry of the ledger.
    """
    if version is None:
        version = current = str(client.current(name)["version"])
    else:
        current = _current(client, name)
    manifest = client.manifest(version, name)
    whole = str(manifest.get("version"))
    seals = sealed(client, name, whole, trusted(client, keys_file))
    checks = [*_bytes_checks(client, name, whole, manifest), *seals.checks]
    if whole == current:
        checks += _answer_checks(client, name, whole, manifest)
    good = all(check.ok is not False for check in checks)
    marks = {True: "ok", False: "WRONG", None: "skipped"}
    lines = [f"{marks[check.ok]:8s}{check.name}: {check.detail}" for check in checks]
    lines.append(f"{short(whole)} of {name} is {'what it says' if good else 'NOT what it says; do not roll it'}")
    body = {
        "model": name,
        "version": whole,
        "ok": good,
        "checks": [check.__dict__ for check in checks],
        "chain": seals.chain,
    }
    answer(body, lines, as_json)
    if not good:
        raise click.exceptions.Exit(1)


def _current(client: "Client", name: str) -> str:
    try:
        return str(client.current(name)["version"])
    except ServiceRefused:  # a model without a current version
        return ""


def _bytes_checks(client: "Client", name: str, version: str, manifest: JsonObject) -> list[Check]:
    with tempfile.TemporaryDirectory(prefix="changeover-") as folder:
        path = Path(folder) / "model.joblib"
        try:
            actual = client.fetch(version, path, name)
        except DigestMismatch as error:
            return [Check(REPR_DIGEST, False, str(error))]
        size = path.stat().st_size
    return [
        Check("SHA-256 of the bytes", actual == version, actual),
        Check("size in the manifest", size == manifest.get("size"), f"{size} bytes"),
    ]


def _answer_checks(client: "Client", name: str, version: str, manifest: JsonObject) -> list[Check]:
    golden = object_in(manifest.get("golden"))
    rows, outputs = golden.get("rows"), golden.get("outputs")
    if not rows or not isinstance(rows, list):
        return [Check("predict_api", None, "the manifest has no golden rows to ask with")]
    try:
        body = object_in(client.predict(rows, name))
    except ChangeoverError as error:
        return [Check("predict_api", False, str(error))]
    checks = [Check("predict_api answers by it", body.get("model_version") == version, str(body.get("model_version")))]
    if isinstance(outputs, list) and len(outputs) == len(rows):
        checks.append(_golden_check(outputs, body.get("predictions"), range(len(rows)), golden.get("recorded_by")))
        if manifest.get("row_independent", True):
            checks.append(_company_check(client, name, rows, outputs))
    return checks


def _company_check(client: "Client", name: str, rows: list[Json], outputs: list[Json]) -> Check:
    """Check that the golden rows are answered equally in reverse, and some of them alone."""
    backwards = range(len(rows))[::-1]
    some = range(len(rows))[:: max(1, len(rows) // MOST_ALONE)]
    for indices in (backwards, *([index] for index in some)):
        try:
            body = object_in(client.predict([rows[index] for index in indices], name))
        except ChangeoverError as error:
            return Check("golden rows alone and in reverse", False, str(error))
        check = _golden_check([outputs[index] for index in indices], body.get("predictions"), indices, None)
        if not check.ok:
            return Check("golden rows alone and in reverse", False, check.detail)
    return Check("golden rows alone and in reverse", True, f"{len(rows)} in reverse and {len(some)} alone: the same")


def _golden_check(outputs: list[Json], predictions: Json, indices: Sequence[int], recorded_by: Json) -> Check:
    """Check that the golden rows at `indices` are answered as in the manifest; else show the first difference."""
    answers = predictions if isinstance(predictions, list) else []
    if len(answers) != len(outputs):
        return Check("golden rows", False, f"{len(outputs)} were asked, {len(answers)} answered")
    for index, wanted, got in zip(indices, outputs, answers, strict=True):
        part = differing_part(wanted, got)
        if part and isinstance(wanted, dict) and isinstance(got, dict):
            difference = f"row {index}: {part} is {got.get(part)!r}, the manifest says {wanted.get(part)!r}"
            return Check("golden rows", False, f"answered OTHERWISE than recorded; {difference}")
        if part:
            return Check("golden rows", False, f"row {index} has no answer that can be read")
    by = f" by {recorded_by}" if recorded_by else ""
    return Check("golden rows", True, f"{len(outputs)} answered as recorded{by}")

"""`changeover list`: prints the models, or the versions of one model."""

from pathlib import Path

import click

from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import ago, answer, numbers, size_of, table
from changeover.exceptions import ServiceRefused
from changeover.json_documents import object_in, objects_in
from changeover.json_types import JsonObject
from changeover.names import short


@click.command("list", cls=Verb)
@click.argument("model_name", metavar="[MODEL]", required=False)
@model_option
@click.option("--all", "all_models", is_flag=True, help="List the models instead of the versions of one.")
@stack_options
def list_versions(
    model_name: str | None,
    model: str | None,
    all_models: bool,
    as_json: bool,
    home: Path | None,
    server_url: str | None,
) -> None:
    """List the versions of MODEL, newest first, with rejected uploads and their reasons."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    if all_models:
        body = client.models()
        answer(body, _models(objects_in(body.get("models"))), as_json)
        return
    name = model_name or model or client.default_model()
    try:
        versions = client.versions(name)
    except ServiceRefused as error:
        if error.status != 404 or model_name or model:
            raise
        versions = []  # the default model was not named on the command line and has no version yet
    answer({"model": name, "versions": versions}, _versions(name, versions), as_json)


def _models(models: list[JsonObject]) -> list[str]:
    if not models:
        return ["no models yet; next: changeover push FILE"]
    rows = []
    for model in models:
        current = object_in(model.get("current"))
        name, sequence = str(model.get("model")), str(current.get("sequence", "-"))
        rows.append([name, short(str(current.get("version", "-"))), sequence])
    return table(["MODEL", "CURRENT", "SEQUENCE"], rows)


def _versions(name: str, versions: list[JsonObject]) -> list[str]:
    if not versions:
        return [f"{name} has no versions yet; next: changeover push FILE -m {name}"]
    rows = [
        [
            short(str(version.get("version") or "")) or "-",
            str(version.get("state", "")),
            size_of(version.get("size")),
            ago(version.get("created_at")),
            _remark(version),
        ]
        for version in versions
    ]
    return table([f"VERSION OF {name}", "STATE", "SIZE", "CREATED", "METRICS"], rows)


def _remark(version: JsonObject) -> str:
    if version.get("reason"):
        reason = str(version["reason"]).splitlines()[0]
        return f"{version.get('name', '')}: {reason}"[:140]
    return numbers(version.get("metrics"))

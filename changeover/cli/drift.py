"""`changeover drift`: prints whether the inputs or the answers of a version changed."""

from typing import TYPE_CHECKING, Final

import click

from changeover.cli.command import Verb, client_options, model_option
from changeover.cli.output import answer, table
from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json, JsonObject
from changeover.names import short

if TYPE_CHECKING:
    from changeover.client.client import Client

_SHOWN: Final = 10  # columns
_QUALITY: Final = {"missing": "missing", "unseen": "new categories", "outside": "outside the range"}


@click.command(cls=Verb)
@click.argument("named", metavar="[MODEL]", required=False)
@model_option
@click.option(
    "--version", metavar="VERSION", help="A version, or its first 8 digits or more.  [default: the current one]"
)
@click.option(
    "--window", default="1h", show_default=True, metavar="LENGTH", help="Length of a window: 10m, 1h, 6h, 7d."
)
@client_options
def drift(client: "Client", name: str, named: str | None, version: str | None, window: str, as_json: bool) -> None:
    """Print whether inputs or answers changed since the publish, and since the last roll."""
    body = client.drift(named or name, version, window)
    answer(body, _lines(body), as_json)


def _lines(body: JsonObject) -> list[str]:
    span = object_in(body.get("window"))
    until = "" if span.get("complete") else " (not over yet)"
    rows = f", {span.get('rows')} rows from {span.get('from')} to {span.get('to')}{until}" if span else ""
    lines = [f"{body.get('model')} {short(str(body.get('version')))}: {body.get('verdict')}{rows}", *_sentences(body)]
    quality = [
        [
            str(each.get("name")),
            _QUALITY.get(str(each.get("what")), ""),
            _percent(each, "share"),
            _interval(each),
            _percent(each, "share_before"),
            _mark(each),
        ]
        for each in objects_in(body.get("quality"))[:_SHOWN]
    ]
    if quality:
        lines += ["", *table(["COLUMN", "VALUES", "SHARE", "INTERVAL", "REFERENCE", ""], quality)]
    lines += _shifts(body)
    rolled = object_in(body.get("after_roll"))
    if rolled:
        lines += ["", f"since the roll from {short(str(rolled.get('previous')))}: {rolled.get('verdict')}"]
        lines += [*_sentences(rolled), *_shifts(rolled)]
    return lines


def _sentences(body: JsonObject) -> list[str]:
    listed = body.get("sentences")
    return [f"  {text}" for text in listed] if isinstance(listed, list) else []


def _shifts(body: JsonObject) -> list[str]:
    """The table of answers and of the columns that changed most."""
    shifts = [*objects_in(body.get("predictions")), *objects_in(body.get("columns"))[:_SHOWN]]
    rows = [
        [
            str(each.get("name")),
            _number(each.get("psi")),
            _number(each.get("line")),
            _number(each.get("mean_shift")),
            _mark(each),
        ]
        for each in shifts
    ]
    return ["", *table(["NAME", "PSI", "LINE", "MEAN SHIFT (SD)", ""], rows)] if rows else []


def _mark(found: JsonObject) -> str:
    return "changed" if found.get("changed") else ""


def _percent(found: JsonObject, name: str) -> str:
    value = found.get(name)
    return f"{value:.1%}" if isinstance(value, int | float) else "-"


def _interval(found: JsonObject) -> str:
    return f"{_percent(found, 'low')} to {_percent(found, 'high')}"


def _number(value: Json) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"

"""`changeover predict`: sends a JSON file to the public API."""

import json
from pathlib import Path
from typing import IO

import click

from changeover.cli.command import Verb, stack_options
from changeover.process.visible import dumps


@click.command(cls=Verb)
@click.argument("body", type=click.File("rb"))
@click.option("--model", "-m", metavar="MODEL", help="Model name.  [default: the default model]")
@stack_options
def predict(body: IO[bytes], model: str | None, as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Send the JSON of BODY (a file, or - for standard input) to /predict and print the answer."""
    from changeover.client.client import Client

    try:
        value = json.loads(body.read())
    except ValueError as error:
        raise click.BadParameter(f"{body.name} is no JSON: {error}", param_hint="BODY") from error
    answer = Client(server_url, home=home).predict(value, model)
    click.echo(dumps(answer, indent=None if as_json else 2))

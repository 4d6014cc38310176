"""`changeover predict`: sends a JSON file to the public API."""

from pathlib import Path
from typing import IO, Final

import click

from changeover.cli.command import Verb, stack_options
from changeover.process.visible import dumps

_TABLES: Final = (".csv", ".tsv", ".parquet", ".xlsx")
_PARQUET: Final = b"PAR1"  # the first bytes of a Parquet file


@click.command(cls=Verb)
@click.argument("body", type=click.File("rb"))
@click.option("--model", "-m", metavar="MODEL", help="Model name.  [default: the default model]")
@stack_options
def predict(body: IO[bytes], model: str | None, as_json: bool, home: Path | None, server_url: str | None) -> None:
    """Send the JSON of BODY (a file, or - for standard input) to /predict as it is, and print the answer."""
    from changeover.client.client import Client

    content, name = body.read(), str(getattr(body, "name", "-"))
    if Path(name).suffix.lower() in _TABLES or content[:4] == _PARQUET:
        raise click.BadParameter(
            f"{name} is a table, and JSON is sent here: write it with frame.to_json('body.json', orient='records'), "
            f"or send the frame from Python: changeover.Client().predict(frame)",
            param_hint="BODY",
        )
    answer = Client(server_url, home=home).predict_json(content, model)
    click.echo(dumps(answer, indent=None if as_json else 2))

"""`changeover registry-key`: makes a private key of the registry, and prints the line of its public key."""

from pathlib import Path

import click

from changeover.cli.command import Verb, json_option
from changeover.cli.output import answer
from changeover.process.clock import utc_now

file_option = click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File of the private key: REGISTRY_KEY_FILE of model_server.",
)


@click.group()
def registry_key() -> None:
    """Make the key by which model_server seals manifests and ledger entries, and show its public part."""


@registry_key.command("new", cls=Verb)
@file_option
@json_option
def new(key_file: Path, as_json: bool) -> None:
    """Make a private key, and print the line of its public key for REGISTRY_KEYS_FILE."""
    from changeover.sealed.keys import SigningKey

    key = SigningKey.make(key_file)
    _print(key.id, f"{key.public.text} from={utc_now()}", as_json)


@registry_key.command("show", cls=Verb)
@file_option
@json_option
def show(key_file: Path, as_json: bool) -> None:
    """Print the line of the public key."""
    from changeover.sealed.keys import SigningKey

    key = SigningKey.read(key_file)
    _print(key.id, key.public.text, as_json)


def _print(key_id: str, line: str, as_json: bool) -> None:
    answer({"key_id": key_id, "line": line}, line, as_json)

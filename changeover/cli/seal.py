"""`changeover seal`: seals a registry that exists, or seals it again by a new key."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from changeover.cli.command import Verb, stack_options
from changeover.cli.output import answer, say
from changeover.cli.verify_seals import of_up
from changeover.exceptions import InvalidKeyFile
from changeover.json_documents import objects_in
from changeover.json_types import Json, JsonObject
from changeover.process.atomic_file import write_atomically

if TYPE_CHECKING:
    from changeover.client.client import Client


@click.command(cls=Verb)
@click.option("--model", "-m", "models", metavar="MODEL", multiple=True, help="Model name.  [default: all models]")
@click.option(
    "--keys-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to which the line of the public key is added.  [default: that of `changeover up`]",
)
@stack_options
def seal(
    models: tuple[str, ...], keys_file: Path | None, home: Path | None, server_url: str | None, as_json: bool
) -> None:
    """Have model_server sign every manifest and ledger entry that it can vouch for. Needs the role admin."""
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    names = [*models] or [str(model.get("model")) for model in objects_in(client.models().get("models"))]
    sealed, kept, refused, public_key, was_sealed = 0, 0, list[Json](), "", False
    for name in names:
        for page in _pages(client, name):
            sealed, kept = sealed + _number(page, "sealed"), kept + _number(page, "kept")
            refused += objects_in(page.get("refused"))
            public_key, was_sealed = str(page.get("public_key")), bool(page.get("was_sealed"))
            if not as_json:
                say(f"{name}: {sealed} sealed, {kept} had a seal, {len(refused)} refused", err=True)
    keys_file = keys_file or of_up(client)
    if keys_file is not None and public_key:
        _add(keys_file, public_key)
    lines = [f"refused  {each['key']}: {each['reason']}" for each in refused if isinstance(each, dict)]
    lines.append(f"{sealed} objects of {len(names)} models were sealed, {kept} had a seal, {len(refused)} were refused")
    if not was_sealed:
        where = f"it is in {keys_file}" if keys_file else "write it into a file"
        lines.append(
            f"the public key is {public_key}; {where}. Set REGISTRY_KEYS_FILE to that file for both services (`changeover "
            f"up` does) and restart them: from then on nothing without a seal is followed"
        )
    body = {"models": names, "sealed": sealed, "kept": kept, "refused": refused, "public_key": public_key}
    answer(body, lines, as_json)
    if refused:
        raise click.exceptions.Exit(1)


def _pages(client: "Client", model: str) -> "list[JsonObject]":
    pages, after = list[JsonObject](), ""
    while True:
        pages.append(client.seals.seal(model, after))
        following = pages[-1].get("next")
        if not isinstance(following, str) or following == after:
            return pages
        after = following


def _number(page: JsonObject, name: str) -> int:
    value = page.get(name)
    return value if isinstance(value, int) else 0


def _add(path: Path, line: str) -> None:
    """Add the line of a key to the file, unless it is there."""
    try:
        content = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKeyFile(f"{path} cannot be read: {error}") from None
    if line in content:
        return
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    write_atomically(path, f"{content}{'' if not content or content.endswith(chr(10)) else chr(10)}{line}\n".encode())
    path.chmod(mode)

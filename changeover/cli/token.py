"""`changeover token`: makes, lists and revokes the named tokens of TOKENS_FILE, which has the hash of each."""

import secrets
from pathlib import Path
from typing import Final

import click

from changeover.cli.command import Verb, json_option
from changeover.cli.output import answer, say, table
from changeover.exceptions import InvalidTokens
from changeover.process.atomic_file import write_atomically
from changeover.process.service_settings import TokensFile
from changeover.process.settings import Settings
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, tokens_in, without

_PREFIX: Final = "changeover_"  # by which scanners of source code know a token
_BYTES: Final = 32
_SHOWN: Final = 12  # digits of a hash


class TokenSettings(Settings):
    """The file of tokens for the command line: the same as that of model_server."""

    tokens_file: TokensFile = None


file_option = click.option(
    "--file", "-f", type=click.Path(dir_okay=False, path_type=Path), help="File of the tokens.  [default: TOKENS_FILE]"
)


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of people and programs, each with a name and a role."""


@token.command("new", cls=Verb)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.word for role in Role]),
    required=True,
    help="What the token may do; each role includes those before it.",
)
@file_option
@json_option
def new(name: str, role: str, file: Path | None, as_json: bool) -> None:
    """Print a new token for NAME, once, and add its line to the file; without a file, print the line."""
    path = _file(file)
    text = secrets.token_urlsafe(_BYTES)
    entry = NamedToken.of(name, Role[role.upper()], f"{_PREFIX}{text}")
    if path is not None:
        content = _read(path) if path.exists() else ""
        if any(each.name == name for each in _tokens(path, content)):
            raise InvalidTokens(f"{path} has a token {name!r} already: revoke it first, or choose another name")
        _write(path, f"{content}{'' if not content or content.endswith(chr(10)) else chr(10)}{entry.line}\n")
    where = f"its line is in {path}" if path else f"add this line to TOKENS_FILE: {entry.line}"
    if not as_json:
        say(f"the token of {name} ({role}) is printed this once; {where}", err=True)
    body = {"name": name, "role": role, "token": f"{_PREFIX}{text}", "line": entry.line}
    answer(body, f"{_PREFIX}{text}", as_json)


@token.command("list", cls=Verb)
@file_option
@json_option
def list_tokens(file: Path | None, as_json: bool) -> None:
    """List the names and roles in the file."""
    path = _required(file)
    tokens = _tokens(path, _read(path))
    body = {"tokens": [{"name": each.name, "role": each.role.word, "sha256": each.sha256} for each in tokens]}
    rows = [[each.name, each.role.word, each.sha256[:_SHOWN]] for each in tokens]
    answer(body, table(["NAME", "ROLE", "SHA-256"], rows), as_json)


@token.command("revoke", cls=Verb)
@click.argument("name")
@file_option
@json_option
def revoke(name: str, file: Path | None, as_json: bool) -> None:
    """Remove the token NAME from the file. It and its sessions end with the next request."""
    path = _required(file)
    content = _read(path)
    if not any(each.name == name for each in _tokens(path, content)):
        raise InvalidTokens(f"{path} has no token {name!r}; see `changeover token list`")
    _write(path, without(content, name))
    answer({"revoked": name}, f"{name} is revoked", as_json)


def _file(file: Path | None) -> Path | None:
    return file or TokenSettings.from_environment().tokens_file


def _required(file: Path | None) -> Path:
    path = _file(file)
    if path is None:
        raise InvalidTokens("no file of tokens is named: give --file, or set TOKENS_FILE")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTokens(f"{path} cannot be read: {error}") from None


def _tokens(path: Path, content: str) -> list[NamedToken]:
    try:
        return tokens_in(content)
    except InvalidTokens as error:
        raise InvalidTokens(f"{path}: {error}") from None


def _write(path: Path, content: str) -> None:
    """Replace the file as a whole; it keeps its mode, as a container's user may have to read it."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    write_atomically(path, content.encode())
    if mode is not None:
        path.chmod(mode)

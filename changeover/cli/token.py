"""`changeover token`: makes, lists, rotates and revokes the named tokens of TOKENS_FILE, which has the hash of each."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from changeover.cli.command import Verb, json_option
from changeover.cli.duration import Duration
from changeover.cli.output import answer, say, table
from changeover.exceptions import InvalidTokens
from changeover.json_types import Json, JsonObject
from changeover.process.atomic_file import write_atomically
from changeover.process.service_settings import TokensFile
from changeover.process.settings import Settings
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, end_of, models_of, rotated, tokens_in, without

_PREFIX: Final = "changeover_"  # by which scanners of source code know a token
_BYTES: Final = 32
_SHOWN: Final = 12  # digits of a hash
_LONGEST_OVERLAP_S: Final = 90 * 86_400.0


class TokenSettings(Settings):
    """The file of tokens for the command line: the same as that of model_server."""

    tokens_file: TokensFile = None


file_option = click.option(
    "--file", "-f", type=click.Path(dir_okay=False, path_type=Path), help="File of the tokens.  [default: TOKENS_FILE]"
)


@click.group()
def token() -> None:
    """Make, list, rotate and revoke the tokens of people and programs, each with a name and a role."""


@token.command("new", cls=Verb)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.word for role in Role]),
    required=True,
    help="What the token may do; each role includes those before it.",
)
@click.option(
    "--until", metavar="DATE|TIME", help="End of the token: its last day, or a time with a zone.  [default: none]"
)
@click.option("--models", metavar="a,b", help="The only models that it may use.  [default: all]")
@file_option
@json_option
def new(name: str, role: str, until: str | None, models: str | None, file: Path | None, as_json: bool) -> None:
    """Print a new token for NAME, once, and add its line to the file; without a file, print the line."""
    path = _file(file)
    text = f"{_PREFIX}{secrets.token_urlsafe(_BYTES)}"
    entry = replace(
        NamedToken.of(name, Role[role.upper()], text),
        until=end_of(until) if until else None,
        models=models_of(models) if models else frozenset(),
    )
    if entry.has_ended(datetime.now(UTC)):
        raise InvalidTokens(f"--until {until} is over already: name a later end")
    if path is not None:
        content = _read(path) if path.exists() else ""
        if any(each.name == name for each in _tokens(path, content)):
            raise InvalidTokens(f"{path} has a token {name!r} already: rotate or revoke it, or choose another name")
        _write(path, f"{content}{'' if not content or content.endswith(chr(10)) else chr(10)}{entry.line}\n")
    where = f"its line is in {path}" if path else f"add this line to TOKENS_FILE: {entry.line}"
    _print(entry, text, where, as_json=as_json)


@token.command("rotate", cls=Verb)
@click.argument("name")
@click.option(
    "--overlap",
    type=Duration(_LONGEST_OVERLAP_S),
    default="24h",
    show_default=True,
    help="Time for which the token before stays valid, such as 90s, 10m, 24h.",
)
@file_option
@json_option
def rotate(name: str, overlap: float, file: Path | None, as_json: bool) -> None:
    """Print a new token for NAME, once, with the role, models and end of the one before, which ends after the overlap."""
    path = _required(file)
    content, time = _read(path), datetime.now(UTC)
    before = [each for each in _tokens(path, content) if each.name == name and not each.has_ended(time)]
    if not before:
        raise InvalidTokens(
            f"{path} has no valid token {name!r} to rotate: see `changeover token list`, make a new one"
        )
    text = f"{_PREFIX}{secrets.token_urlsafe(_BYTES)}"
    ends = [each.until for each in before]
    until = None if None in ends else max(end for end in ends if end is not None)
    entry = replace(before[-1], sha256=NamedToken.of(name, before[-1].role, text).sha256, until=until)
    overlap_ends = (time + timedelta(seconds=overlap)).replace(microsecond=0)
    _write(path, rotated(content, entry, overlap_ends, time))
    where = f"its line is in {path}, the one before ends at {overlap_ends.isoformat().replace('+00:00', 'Z')}"
    _print(entry, text, where, as_json=as_json)


def _print(entry: NamedToken, text: str, where: str, *, as_json: bool) -> None:
    """Print a new token; its text goes to standard output alone."""
    if not as_json:
        say(f"the token of {entry.name} ({entry.role.word}) is printed this once; {where}", err=True)
    body: JsonObject = {"name": entry.name, "role": entry.role.word, "token": text, "line": entry.line}
    answer({**body, **_limits(entry)}, text, as_json)


def _limits(entry: NamedToken) -> JsonObject:
    return {"until": entry.until_text or None, "models": list[Json](sorted(entry.models)) or None}


@token.command("list", cls=Verb)
@file_option
@json_option
def list_tokens(file: Path | None, as_json: bool) -> None:
    """List the names, roles, ends and models in the file."""
    path = _required(file)
    tokens, time = _tokens(path, _read(path)), datetime.now(UTC)
    bodies: list[Json] = [
        {"name": each.name, "role": each.role.word, "sha256": each.sha256, **_limits(each)} for each in tokens
    ]
    rows = [
        [
            each.name,
            each.role.word,
            each.sha256[:_SHOWN],
            f"{each.until_text or '-'}{' (over)' if each.has_ended(time) else ''}",
            ",".join(sorted(each.models)) or "all",
        ]
        for each in tokens
    ]
    answer({"tokens": bodies}, table(["NAME", "ROLE", "SHA-256", "UNTIL", "MODELS"], rows), as_json)


@token.command("revoke", cls=Verb)
@click.argument("name")
@file_option
@json_option
def revoke(name: str, file: Path | None, as_json: bool) -> None:
    """Remove the tokens NAME from the file. They and their sessions end with the next request."""
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

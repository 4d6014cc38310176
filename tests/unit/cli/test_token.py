"""`changeover token`: a new token is printed once, its file has the hash, and a revoked one is gone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from changeover.cli.main import main
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken, digest_of, tokens_in


def run(*arguments: str, code: int = 0, **environment: str) -> str:
    """The output of a command, with its errors if it fails."""
    result = CliRunner().invoke(main, ["token", *arguments], env={"TOKENS_FILE": "", **environment})
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    token = run("new", "ann", "--role", "roll", TOKENS_FILE=str(file)).strip()
    assert tokens_in(file.read_text()) == [NamedToken.of("ann", Role.ROLL, token)]
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    file.write_text(f"# people\n{file.read_text().strip()}")
    other = json.loads(run("new", "ci", "--role", "publish", "--file", str(file), "--json"))
    assert other["line"] == NamedToken.of("ci", Role.PUBLISH, other["token"]).line
    assert [line.split()[:2] for line in run("list", "-f", str(file)).splitlines()[1:]] == [
        ["ann", "roll"],
        ["ci", "publish"],
    ]
    assert "already" in run("new", "ann", "--role", "read", "-f", str(file), code=1)
    run("revoke", "ann", "-f", str(file))
    assert file.read_text() == f"# people\n{other['line']}\n"
    assert file.stat().st_mode & 0o777 == 0o644
    assert "no token 'ann'" in run("revoke", "ann", "-f", str(file), code=1)


def test_a_token_has_an_end_and_models(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    words = ("new", "ci", "--role", "publish", "-f", str(file), "--json")
    made = json.loads(run(*words, "--until", "2099-12-31", "--models", "loan,fraud"))
    assert (made["until"], made["models"]) == ("2100-01-01T00:00:00Z", ["fraud", "loan"])
    (token,) = tokens_in(file.read_text())
    assert (token.until_text, token.models) == (made["until"], {"loan", "fraud"})
    assert run("list", "-f", str(file)).splitlines()[1].split()[3:] == ["2100-01-01T00:00:00Z", "fraud,loan"]
    assert "is over already" in run("new", "late", "--role", "read", "--until", "2020-01-01", "-f", str(file), code=1)
    assert "is no end" in run("new", "late", "--role", "read", "--until", "soon", "-f", str(file), code=1)
    assert "models=" in run("new", "late", "--role", "read", "--models", "A b", "-f", str(file), code=1)


def test_a_token_is_rotated_by_overlap(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    old = run("new", "ci", "--role", "publish", "--models", "loan", "-f", str(file)).strip()
    new = json.loads(run("rotate", "ci", "--overlap", "2h", "-f", str(file), "--json"))
    before, after = tokens_in(file.read_text())
    assert (before.sha256, after.sha256) == (digest_of(old), digest_of(new["token"]))
    assert after.models == before.models == {"loan"}
    assert after.until is None
    assert before.until is not None
    assert timedelta(hours=1.9) < before.until - datetime.now(UTC) <= timedelta(hours=2)
    assert "no valid token 'eve'" in run("rotate", "eve", "-f", str(file), code=1)
    assert "already: rotate" in run("new", "ci", "--role", "read", "-f", str(file), code=1)
    run("rotate", "ci", "--overlap", "0s", "-f", str(file))
    assert [each.until is None for each in tokens_in(file.read_text())] == [False, False, True]
    run("revoke", "ci", "-f", str(file))
    assert file.read_text() == ""


def test_without_a_file_the_line_is_printed() -> None:
    made = json.loads(run("new", "ann", "--role", "read", "--json"))
    assert tokens_in(made["line"]) == [NamedToken.of("ann", Role.READ, made["token"])]
    assert made["token"] != json.loads(run("new", "ann", "--role", "read", "--json"))["token"]
    assert "TOKENS_FILE" in run("list", code=1)


@pytest.mark.parametrize("arguments", [["new", "model_server", "--role", "read"], ["list", "-f", "/nowhere/tokens"]])
def test_a_mistake_is_one_sentence(arguments: list[str]) -> None:
    assert run(*arguments, code=1).startswith("error: ")

"""The ends of tokens at a running model_server: by revocation, by date, by rotation; and invalid ones slow down."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from changeover.cli.main import main
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from tests.conftest import wait_until
from tests.integration.access_server import PROXY, TOKENS, Server, access_server
from tests.processes.store import Store


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with access_server(seaweed, "access-times", tmp_path_factory.mktemp("access-times")) as server:
        yield server


def token_command(server: Server, *words: str) -> str:
    """What `changeover token` prints, on the file of the running server."""
    result = CliRunner().invoke(main, ["token", *words, "--file", str(server.tokens)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def status(server: Server, token: str = "", **headers: str) -> int:
    return server.ask("GET", "/models", token=token, **headers).status


def test_a_revoked_token_fails_within_a_second_as_do_its_sessions_and_links(server: Server) -> None:
    token = token_command(server, "new", "eve", "--role", "admin")
    session = server.log_in(token).cookie
    link = str(server.ask("POST", "/login-links", token=token).body["path"])
    assert (status(server, token), status(server, Cookie=session)) == (200, 200)
    token_command(server, "revoke", "eve")
    revoked = time.monotonic()
    assert (status(server, token), status(server, Cookie=session)) == (401, 401)
    assert server.ask("GET", link, Sec_Fetch_Site="none").status == 401
    assert server.log_in(token).status == 401
    assert time.monotonic() - revoked < 1


def test_a_token_ends_at_its_time_as_do_its_sessions(server: Server) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    soon = replace(NamedToken.of("soon", Role.READ, "token-of-soon"), until=ends)
    server.write(*TOKENS.values(), soon)
    session = server.log_in("token-of-soon").cookie
    assert (status(server, "token-of-soon"), status(server, Cookie=session)) == (200, 200)
    wait_until(lambda: status(server, "token-of-soon") == 401, 20, "the end of the token")
    assert datetime.now(UTC) >= ends
    refused = server.ask("GET", "/models", token="token-of-soon")
    assert f"the token of 'soon' ended at {soon.until_text}" in refused.text
    assert status(server, Cookie=session) == 401
    assert server.log_in("token-of-soon").status == 401


def test_a_rotated_token_is_valid_for_the_overlap(server: Server) -> None:
    first = token_command(server, "new", "turn", "--role", "read", "--models", "loan")
    session = server.log_in(first).cookie
    second = token_command(server, "rotate", "turn", "--overlap", "1h")
    assert [status(server, each) for each in (first, second)] == [200, 200]
    assert status(server, Cookie=session) == 200
    assert server.ask("GET", "/models/fraud", token=second).body["models"] == ["loan"], "its limits stay"
    third = token_command(server, "rotate", "turn", "--overlap", "0s")
    assert [status(server, each) for each in (first, second, third)] == [401, 401, 200]
    assert status(server, Cookie=session) == 401
    assert server.ask("GET", "/models", token=third).status == 200


def test_invalid_tokens_slow_down_by_address(server: Server) -> None:
    guesser, bystander = "127.0.0.31", "127.0.0.32"
    assert status(server, "token-of-read-ann", source=guesser) == 200
    answers = [server.ask("GET", "/models", token=f"guess-{number}", source=guesser) for number in range(12)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].body["type"].endswith("too-many-failures")  # type: ignore[attr-defined]
    assert status(server, "token-of-roll-ann", source=guesser) == 429, "a guess that is right is not told"
    assert status(server, "token-of-read-ann", source=guesser) == 200, "a token that was valid from there goes on"
    assert status(server, "token-of-roll-ann", source=bystander) == 200
    behind = [
        status(server, f"guess-{number}", source=PROXY, X_Forwarded_For=f"9.9.9.9, 10.0.0.{number // 11}")
        for number in range(22)
    ]
    assert behind == ([401] * 10 + [429]) * 2, "behind a trusted proxy, by the address that it names"


def test_a_token_that_has_ended_slows_down_by_its_name_from_any_address(server: Server) -> None:
    past = datetime(2026, 1, 1, tzinfo=UTC)
    ended = replace(NamedToken.of("old", Role.ADMIN, "token-of-old"), until=past)
    server.write(*TOKENS.values(), ended)
    answers = [status(server, "token-of-old", source=f"127.0.0.{40 + number}") for number in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert status(server, "token-of-read-ann", source="127.0.0.40") == 200

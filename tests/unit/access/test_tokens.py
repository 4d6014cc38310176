"""The tokens of a server by its settings: named ones, PUBLISH_TOKEN beside them or alone, and none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from changeover.exceptions import InvalidSetting, InvalidTokens
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from model_server.access.tokens import Tokens, read_token_file
from model_server.exceptions import TokenEnded, Unauthenticated
from model_server.settings import ServerSettings

SHARED = "publish-token-0123456789"
ANN = NamedToken.of("ann", Role.READ, "token-of-ann")


def settings(**values: object) -> ServerSettings:
    return ServerSettings.from_environment(report_token="report-token-0123456789", **values)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{ANN.line}\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBLISH_TOKEN", "PUBLISH_TOKEN_FILE", "PUBLISH_TOKEN_NAME", "TOKENS_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_publish_token_alone_is_an_admin() -> None:
    assert settings(publish_token=SHARED).tokens().find(SHARED) == NamedToken.of("publish-token", Role.ADMIN, SHARED)
    named = settings(publish_token=SHARED, publish_token_name="ops").tokens()
    assert named.find(SHARED).name == "ops"


def test_named_tokens_replace_the_publish_token_unless_it_has_a_name(file: Path) -> None:
    tokens = settings(publish_token=SHARED, tokens_file=file).tokens()
    assert tokens.find("token-of-ann") == ANN
    with pytest.raises(Unauthenticated, match="TOKENS_FILE has replaced"):
        tokens.find(SHARED)
    both = settings(publish_token=SHARED, publish_token_name="ops", tokens_file=file).tokens()
    assert [both.find(token).name for token in ("token-of-ann", SHARED)] == ["ann", "ops"]
    with pytest.raises(Unauthenticated, match="not one of this model_server"):
        settings(tokens_file=file).tokens().find(SHARED)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "PUBLISH_TOKEN is not set.*PUBLISH_TOKEN_FILE.*TOKENS_FILE"),
        ({"publish_token": "short"}, "PUBLISH_TOKEN: .*16 characters"),
        ({"publish_token": SHARED, "publish_token_name": "model_server"}, "PUBLISH_TOKEN_NAME: 'model_server'"),
        ({"publish_token": SHARED, "proxy_roles": "ann=boss"}, "PROXY_ROLES: 'ann=boss'"),
    ],
    ids=str,
)
def test_a_setting_that_gives_no_token_or_role_is_named(values: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        settings(**values)


def test_a_token_is_valid_until_its_end_and_so_is_its_name(tmp_path: Path) -> None:
    time = datetime(2026, 12, 31, tzinfo=UTC)
    path = tmp_path / "tokens"
    old = replace(ANN, until=time)
    path.write_text(f"{old.line}\n{NamedToken.of('ann', Role.READ, 'next-of-ann').line}\n", encoding="utf-8")
    before, after = (Tokens(path, None, clock=lambda at=at: at) for at in (time - timedelta(seconds=1), time))
    assert [each.sha256 for each in before.named("ann")] == [old.sha256, before.find("next-of-ann").sha256]
    assert before.find("token-of-ann") == old
    with pytest.raises(TokenEnded, match="the token of 'ann' ended at 2026-12-31T00:00:00Z"):
        after.find("token-of-ann")
    assert after.named("ann") == [after.find("next-of-ann")]


def test_a_process_that_starts_with_an_invalid_file_has_no_token_until_it_is_mended(file: Path) -> None:
    file.write_bytes(b"\xff")
    tokens = Tokens(file, None)
    with pytest.raises(InvalidTokens, match="not UTF-8"):
        read_token_file(file)
    with pytest.raises(Unauthenticated):
        tokens.find("token-of-ann")
    file.write_text(ANN.line, encoding="utf-8")
    assert tokens.find("token-of-ann") == ANN
    file.unlink()
    assert tokens.find("token-of-ann") == ANN
    with pytest.raises(InvalidTokens, match="cannot be read"):
        read_token_file(file)

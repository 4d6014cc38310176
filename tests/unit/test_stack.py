"""The addresses of the services: `up.json` written and read, and the precedence of the sources."""

import json
import stat
from pathlib import Path

import pytest

from changeover import stack
from changeover.exceptions import StackNotFound

PIDS = stack.Pids(up=1, store=2, model_server=3, predict_api=[[4, 5, 6], [7, 8, 9]])
KNOWN = stack.Stack(["http://127.0.0.1:1"], "http://127.0.0.1:2", "http://127.0.0.1:3", "models", "T", "A", "S", PIDS)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CHANGEOVER_SERVER_URL", "CHANGEOVER_PREDICT_URL", "CHANGEOVER_TOKEN", "CHANGEOVER_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def kept(folder: Path) -> Path:
    folder.mkdir()
    stack.write(KNOWN, folder)
    return folder


def test_up_json_has_the_documented_members(tmp_path: Path) -> None:
    home = kept(tmp_path / "home")
    assert json.loads(stack.up_file(home).read_text()) == {
        "predict_urls": ["http://127.0.0.1:1"],
        "server_url": "http://127.0.0.1:2",
        "store_url": "http://127.0.0.1:3",
        "bucket": "models",
        "token": "T",
        "access_key": "A",
        "secret_key": "S",
        "pids": {"up": 1, "store": 2, "model_server": 3, "predict_api": [[4, 5, 6], [7, 8, 9]]},
    }
    assert stack.read(home) == KNOWN


def test_up_json_is_private_to_its_owner_and_written_atomically(tmp_path: Path) -> None:
    home = kept(tmp_path / "home")
    assert stat.S_IMODE(stack.up_file(home).stat().st_mode) == 0o600
    stack.write(KNOWN.without_pids(), home)
    assert [path.name for path in home.iterdir()] == ["up.json"]
    assert stack.read(home).pids is None


def test_secrets_are_not_in_its_repr() -> None:
    shown = repr(stack.Stack([], "http://m", token="tok-en", access_key="ac-cess", secret_key="se-cret"))
    assert not [secret for secret in ("tok-en", "ac-cess", "se-cret") if secret in shown]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"predict_urls": 1}', '{"predict_urls": [], "server_url": 5}'])
def test_a_damaged_up_json_is_named(tmp_path: Path, text: str) -> None:
    stack.up_file(tmp_path).write_text(text)
    with pytest.raises(StackNotFound, match=r"up\.json does not describe a stack"):
        stack.read(tmp_path)


def test_an_explicit_home_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHANGEOVER_SERVER_URL", "http://elsewhere")
    monkeypatch.setenv("CHANGEOVER_TOKEN", "other")
    assert stack.find(kept(tmp_path / "home")) == KNOWN


def test_the_environment_wins_over_the_default_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept(tmp_path / stack.HOME)
    assert stack.find() == KNOWN
    monkeypatch.setenv("CHANGEOVER_SERVER_URL", "http://elsewhere/")
    monkeypatch.setenv("CHANGEOVER_PREDICT_URL", "http://a, http://b/")
    monkeypatch.setenv("CHANGEOVER_TOKEN", "other")
    assert stack.find() == stack.Stack(["http://a", "http://b"], "http://elsewhere", token="other")


def test_the_secrets_of_up_json_go_to_no_other_server(tmp_path: Path) -> None:
    kept(tmp_path / stack.HOME)
    assert stack.find(server_url="http://elsewhere").token == ""
    assert stack.find(server_url=KNOWN.server_url + "/") == KNOWN


def test_the_token_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("CHANGEOVER_TOKEN_FILE", str(tmp_path / "token"))
    assert stack.find(server_url="http://elsewhere").token == "from-a-file"


def test_an_api_key_goes_only_to_an_address_that_the_caller_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGEOVER_API_KEY", "key")
    assert stack.api_key("http://of-a-folder", named=False) == ""
    assert stack.api_key("http://as-an-argument", named=True) == "key"
    monkeypatch.setenv("CHANGEOVER_PREDICT_URL", "http://a, http://b/")
    assert [stack.api_key(url, named=False) for url in ("http://b", "http://c")] == ["key", ""]

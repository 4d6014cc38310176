"""`changeover gc` with a real model_server: what it prints, removes and refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from changeover.cli.main import main
from changeover.names import short
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.tiny_models import tiny


def types(server: ModelServer, *words: str, code: int = 0, token: str = PUBLISH_TOKEN) -> Result:
    stack = {"CHANGEOVER_TOKEN": token, "CHANGEOVER_PREDICT_URL": "http://127.0.0.1:1"}
    result = CliRunner().invoke(main, [*words, "--server-url", server.url], env=stack)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def versions(server: ModelServer) -> list[str]:
    """Four versions of `loan`, the last of them current, and one of `fraud`."""
    published = [str(server.publish(tiny(number)[0]).json()["version"]) for number in range(4)]
    assert server.roll(published[3]).json()["state"] == "committed"
    server.publish(tiny(9)[0], model="fraud")
    return published


def test_it_shows_then_removes_and_a_push_brings_back(server: ModelServer, versions: list[str], tmp_path: Path) -> None:
    words = ("gc", "--keep", "2", "--keep-days", "0")
    dry = json.loads(types(server, *words, "--dry-run", "--json").stdout)
    assert [each["version"] for each in dry["removed"]] == versions[:2]
    assert dry["kept"] == {"newest": 1, "recent": 0, "in_use": [{"version": versions[3], "use": "current"}]}
    assert "loan: 2 versions would be removed" in types(server, *words, "--dry-run").stdout
    assert types(server, "gc", "--dry-run", "--json").stdout == types(server, "gc", "--json").stdout.replace(
        '"dry_run": false', '"dry_run": true'
    ), "the last 90 days are kept"
    done = types(server, *words, "--reason", "too old").stdout
    assert "loan: 2 versions removed" in done
    assert short(versions[0]) in done
    assert "current" in done
    shown = types(server, "show", versions[0]).stdout
    assert "state        removed" in shown
    assert "by publish-token: too old" in shown
    assert "removed" in types(server, "list").stdout
    refused = types(server, "roll", versions[0], code=1).output
    assert "too old" in refused
    assert "changeover push FILE -m loan" in refused
    file = tmp_path / "model.joblib"
    file.write_bytes(tiny(0)[0])
    pushed = types(server, "push", str(file), "--roll").stdout
    assert "its bytes are there again" in pushed
    assert json.loads(types(server, "show", "--json").stdout)["current"]["version"] == versions[0]


def test_all_takes_every_model(server: ModelServer, versions: list[str]) -> None:
    words = ("gc", "--keep", "0", "--keep-days", "0", "--all", "--json")
    bodies = json.loads(types(server, *words).stdout)["models"]
    assert {body["model"]: len(body["removed"]) for body in bodies} == {"fraud": 1, "loan": 3}

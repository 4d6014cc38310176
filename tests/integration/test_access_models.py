"""Each role, with and without a limit to a model, at each call: over HTTP, by the command line, and in the console."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from changeover.cli.main import main
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from tests.integration.access_server import TOKENS, Answer, Server, access_server
from tests.integration.test_access import NEEDS, OPEN
from tests.processes.store import Store
from tests.tiny_models import tiny

LIMITED = {
    f"{role.word}-of-loan": replace(
        NamedToken.of(f"{role.word}-of-loan", role, f"token-of-{role.word}-of-loan"), models=frozenset({"loan"})
    )
    for role in Role
}
EVERY = {**TOKENS, **LIMITED}
MODELS = ("loan", "fraud")
# the pages and forms of the console about one model, with the role that each needs
PAGES = {
    ("GET", "/ui/models/{model}"): Role.READ,
    ("GET", "/ui/models/{model}.json"): Role.READ,
    ("GET", "/ui/models/{model}/live"): Role.READ,
    ("GET", "/ui/models/{model}/live.json"): Role.READ,
    ("GET", "/ui/models/{model}/compare?a={version}&b={version}"): Role.READ,
    ("GET", "/ui/models/{model}/roll?version={version}"): Role.READ,
    ("GET", "/ui/models/{model}/roll.json?version={version}"): Role.READ,
    ("GET", "/ui/models/{model}/versions/{version}"): Role.READ,
    ("GET", "/ui/models/{model}/versions/{version}.json"): Role.READ,
    ("GET", "/ui/models/{model}/abort"): Role.ROLL,
    ("GET", "/ui/upload?model={model}"): Role.PUBLISH,
    ("POST", "/ui/models/{model}/versions"): Role.PUBLISH,
    ("POST", "/ui/models/{model}/versions/{version}/try"): Role.READ,
    ("POST", "/ui/models/{model}/rollouts"): Role.ROLL,
    ("POST", "/ui/models/{model}/rollback"): Role.ROLL,
    ("POST", "/ui/models/{model}/abort"): Role.ROLL,
    ("POST", "/ui/models/{model}/seen"): Role.ROLL,
}
# the commands about one model; none of them changes anything that is not so already
COMMANDS = {
    ("list", "-m", "{model}"): Role.READ,
    ("show", "-m", "{model}"): Role.READ,
    ("show", "{version}", "-m", "{model}"): Role.READ,
    ("history", "-m", "{model}"): Role.READ,
    ("schema", "{version}", "-m", "{model}"): Role.READ,
    ("push", "{file}", "-m", "{model}"): Role.PUBLISH,
    ("roll", "{version}", "-m", "{model}"): Role.ROLL,
    ("gc", "--dry-run", "-m", "{model}"): Role.ADMIN,
}


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Both models have one version, which is current."""
    with access_server(seaweed, "access-models", tmp_path_factory.mktemp("access-models")) as server:
        server.write(*EVERY.values())
        for model in MODELS:
            server.ask("POST", f"/models/{model}/versions", tiny(1)[0], token="token-of-publish-ann")
            body = {"version": version_of(server, model)}
            rolled = server.ask("POST", f"/models/{model}/rollouts?wait=30", body, token="token-of-roll-ann")
            assert rolled.body["state"] == "committed"
        yield server


def version_of(server: Server, model: str) -> str:
    listed = server.ask("GET", f"/models/{model}/versions", token="token-of-read-ann").body["versions"]
    assert isinstance(listed, list)
    return str(listed[0]["version"])


@pytest.fixture(scope="module")
def version(server: Server) -> str:
    return version_of(server, "loan")


def may(token: NamedToken, need: Role, model: str) -> bool:
    return token.role >= need and (not token.models or model in token.models)


def refused(answer: Answer, *, page: bool = False) -> bool:
    """Whether the call was forbidden; its other answers are those of a caller that may make it."""
    assert answer.status not in {401, 429, 500}, answer.text
    return answer.status == 403 and (page or "not-that-replica" not in str(answer.body.get("type")))


def test_the_calls_of_each_role_by_model_over_http(server: Server, version: str) -> None:
    wrong: list[tuple[object, ...]] = []
    for method, path in sorted(NEEDS):
        need = NEEDS[method, path]
        least = {"replica": Role.READ, "report": Role.ADMIN}.get(need) or Role[need.upper()]
        for (name, token), model in ((each, model) for each in EVERY.items() for model in MODELS):
            address = path.format(model=model, version=version, rollout="1", replica="r", hold="a-run")
            body = {"expected_sequence": 9999} if method in {"POST", "PUT"} else None
            answer = server.ask(method, address, body, token=f"token-of-{name}")
            if need == "report":
                expected = token.role >= least and not token.models
            else:
                expected = may(token, least, model if "{model}" in path else "loan")
            if refused(answer) is expected:
                wrong.append((method, address, name, answer.status, answer.text[:200]))
            if token.role >= least and not expected and need != "report" and answer.body.get("models") != ["loan"]:
                wrong.append((method, address, name, answer.text[:200]))
    assert wrong == []
    for method, path in OPEN:
        assert server.ask(method, path.format(model="fraud"), token="token-of-read-of-loan").status == 200


def test_lists_have_the_models_of_the_caller_alone(server: Server) -> None:
    def models(token: str) -> set[str]:
        return {each["model"] for each in server.ask("GET", "/models", token=token).body["models"]}  # type: ignore[attr-defined]

    assert models("token-of-read-ann") == {"loan", "fraud"}
    assert models("token-of-admin-of-loan") == {"loan"}
    assert set(server.ask("GET", "/current", token="token-of-read-ann").body["models"]) == {"loan", "fraud"}  # type: ignore[call-overload]
    assert set(server.ask("GET", "/current", token="token-of-read-of-loan").body["models"]) == {"loan"}  # type: ignore[call-overload]
    for path in ("/ui.json", "/ui/audit.json", "/ui/rejected.json", "/ui/"):
        assert "fraud" not in server.ask("GET", path, token="token-of-admin-of-loan").text
        assert server.ask("GET", path, token="token-of-admin-of-loan").status == 200
    assert "fraud" in server.ask("GET", "/ui/audit.json", token="token-of-read-ann").text
    assert server.ask("POST", "/ui/logout-all", "", token="token-of-admin-of-loan").status == 403


def test_a_model_outside_the_limit_is_refused_whether_it_exists_or_not(server: Server) -> None:
    answers = [server.ask("GET", f"/models/{model}", token="token-of-read-of-loan") for model in ("fraud", "nothing")]
    assert [answer.status for answer in answers] == [403, 403]
    made = server.ask("POST", "/models/new/versions", tiny(2)[0], token="token-of-admin-of-loan")
    assert (made.status, made.body["models"]) == (403, ["loan"])
    assert server.ask("GET", "/models/new", token="token-of-read-ann").status == 404


@pytest.mark.parametrize("proof", ["token", "session"])
def test_the_pages_of_each_role_by_model_in_the_console(server: Server, version: str, proof: str) -> None:
    wrong = []
    for name, token in EVERY.items():
        headers = {"Accept": "application/json", "Origin": server.origin}
        if proof == "session":
            headers["Cookie"] = server.log_in(f"token-of-{name}").cookie
        for ((method, path), need), model in ((each, model) for each in PAGES.items() for model in MODELS):
            address = path.format(model=model, version=version)
            body = "" if method == "POST" else None
            answer = server.ask(method, address, body, token=f"token-of-{name}" if proof == "token" else "", **headers)
            if refused(answer, page=True) is may(token, need, model):
                wrong.append((method, address, name, answer.status, answer.text[:200]))
    assert wrong == []


def test_the_pages_of_the_console_are_all_in_this_table() -> None:
    folder = Path(__file__).parents[2] / "model_server" / "routes"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in ("console.py", "console_acts.py"))
    declared = {
        (method.upper(), re.sub(r"<(\w+)>", r"{\1}", path))
        for method, path in re.findall(r'routes\.(get|post)\("(/ui/models/[^"]*)"', text)
    }
    listed = {(method, path.partition("?")[0]) for method, path in PAGES}
    assert declared - {("GET", "/ui/models/{model}/compare.json")} == listed - {("GET", "/ui/upload")}


def test_the_commands_of_each_role_by_model(server: Server, version: str, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(tiny(1)[0])
    wrong = []
    for name, token in EVERY.items():
        environment = {"CHANGEOVER_TOKEN": f"token-of-{name}", "CHANGEOVER_PREDICT_URL": "http://127.0.0.1:1"}
        for (words, need), model in ((each, model) for each in COMMANDS.items() for model in MODELS):
            typed = [word.format(model=model, version=version, file=file) for word in words]
            result = CliRunner().invoke(main, [*typed, "--server-url", server.process.url], env=environment)
            expected = may(token, need, model)
            if (result.exit_code == 0) is not expected or ("Not allowed" in result.output) is expected:
                wrong.append((name, typed, result.exit_code, result.output[:300]))
    assert wrong == []

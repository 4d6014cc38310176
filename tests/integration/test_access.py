"""Roles and names over HTTP: the calls of each role, the ledger, tokens that change, people that a proxy names."""

from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest

from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from tests.conftest import wait_until
from tests.integration.access_server import PROXY, TOKENS, Server, access_server, publish_two
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN
from tests.processes.store import Store

# the role that each call needs; "replica": the report token, too; "report": that and admin
NEEDS = {
    ("GET", "/models"): "replica",
    ("GET", "/models/{model}"): "read",
    ("GET", "/models/{model}/drift"): "read",
    ("GET", "/models/{model}/versions"): "read",
    ("GET", "/models/{model}/versions/{version}"): "replica",
    ("GET", "/models/{model}/versions/{version}/artifact"): "replica",
    ("GET", "/models/{model}/versions/{version}/twin"): "replica",
    ("GET", "/models/{model}/rollouts"): "read",
    ("GET", "/models/{model}/rollouts/{rollout}"): "read",
    ("GET", "/current"): "replica",
    ("POST", "/login-links"): "read",
    ("POST", "/models/{model}/versions"): "publish",
    ("PUT", "/models/{model}/versions/{version}/holds/{hold}"): "read",
    ("DELETE", "/models/{model}/versions/{version}/holds/{hold}"): "read",
    ("POST", "/models/{model}/gc"): "admin",
    ("POST", "/models/{model}/rollouts"): "roll",
    ("POST", "/models/{model}/rollback"): "roll",
    ("POST", "/models/{model}/rollouts/{rollout}/abort"): "roll",
    ("PUT", "/replicas/{replica}"): "report",
    ("PUT", "/replicas/{replica}/counts"): "report",
    ("DELETE", "/replicas/{replica}"): "report",
    ("PUT", "/models/{model}/replicas/{replica}"): "report",
    ("DELETE", "/models/{model}/replicas/{replica}"): "report",
}
OPEN = {("GET", path) for path in ("/models/{model}/current", "/openapi.json", "/livez", "/readyz", "/metrics")}


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with access_server(seaweed, "access", tmp_path_factory.mktemp("access")) as server:
        yield server


@pytest.fixture(scope="module")
def versions(server: Server) -> list[str]:
    """Two versions of the model, the first of which is current."""
    return publish_two(server)


def filled(path: str, version: str) -> str:
    """A path of the OpenAPI document with names: of a model without a rollback, so that no call changes anything."""
    return path.format(model="loan", version=version, rollout="1", replica="r", hold="a-run")


def test_each_role_may_make_its_calls_and_no_others(server: Server, versions: list[str]) -> None:
    paths = server.ask("GET", "/openapi.json").body["paths"]
    assert isinstance(paths, dict)
    calls = {(method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"}
    assert calls == NEEDS.keys() | OPEN, "a call has no role in this table"
    wrong = []
    for (method, path), need in sorted(NEEDS.items()):
        least = {"replica": Role.READ, "report": Role.ADMIN}.get(need) or Role[need.upper()]
        by_token = {name: token.role >= least for name, token in TOKENS.items()}
        tokens = {f"token-of-{name}": may for name, may in by_token.items()}
        tokens[REPORT_TOKEN] = need in {"replica", "report"}
        for token, may in tokens.items():
            body = {} if method in {"POST", "PUT"} else None
            answer = server.ask(
                method, filled(path, versions[0]).replace("loan/rollback", "nobody/rollback"), body, token=token
            )
            if may != (answer.status not in {401, 403}) and not (
                may and answer.body.get("type", "").endswith("not-that-replica")
            ):
                wrong.append((method, path, token, answer.status))
            if not may and answer.body.get("needed") != least.word:
                wrong.append((method, path, token, answer.text))
        for token in ("", PUBLISH_TOKEN, "token-of-nothing"):
            answer = server.ask(method, filled(path, versions[0]), token=token)
            if answer.status != 401 or "WWW-Authenticate" not in answer.headers:
                wrong.append((method, path, token, answer.status))
    assert wrong == []
    for method, path in OPEN:
        assert server.ask(method, filled(path, versions[0])).status == 200
    assert "TOKENS_FILE has replaced" in server.ask("GET", "/models", token=PUBLISH_TOKEN).text


def test_the_ledger_has_the_name_of_the_token_and_the_words_of_the_caller(server: Server, versions: list[str]) -> None:
    entry = server.ask("GET", "/models/loan/rollouts/1", token="token-of-read-ann").body
    assert (entry["by"], entry["on_behalf_of"]) == ("roll-ann", "bob")
    manifest = server.ask("GET", f"/models/loan/versions/{versions[0]}", token="token-of-read-ann").body
    assert manifest["provenance"] == {"source": "http", "name": None, "by": "publish-ann", "on_behalf_of": "bob"}
    forged = {"version": versions[1], "by": "admin-ann", "on_behalf_of": "eve"}
    rolled = server.ask("POST", "/models/loan/rollouts?wait=30", forged, token="token-of-roll-ann").body
    assert (rolled["by"], rolled["on_behalf_of"]) == ("roll-ann", "eve")
    back = server.ask("POST", "/models/loan/rollback?wait=30", token="token-of-admin-ann").body
    assert (back["by"], back["on_behalf_of"]) == ("admin-ann", "")
    wait_until(lambda: server.process.events("rollout.preparing")[2:], 20, "the events of three rollouts")
    assert [(event["by"], event["on_behalf_of"]) for event in server.process.events("rollout.preparing")[:2]] == [
        ("roll-ann", "bob"),
        ("roll-ann", "eve"),
    ]
    override = {"version": versions[1], "skip_gate": True}
    refused = server.ask("POST", "/models/loan/rollouts", override, token="token-of-roll-ann")
    assert (refused.status, refused.body["needed"]) == (403, "admin")


def test_tokens_change_without_a_restart(server: Server) -> None:
    late = NamedToken.of("late", Role.READ, "token-of-late")
    assert server.ask("GET", "/models", token="token-of-late").status == 401
    server.write(*TOKENS.values(), late)
    assert server.ask("GET", "/models", token="token-of-late").status == 200
    session = server.log_in("token-of-late").cookie
    assert server.ask("GET", "/models", Cookie=session).status == 200
    server.tokens.write_text("late:boss:nonsense\n", encoding="utf-8")
    assert server.ask("GET", "/models", token="token-of-late").status == 200, "an invalid file changes nothing"
    wait_until(lambda: server.process.events("tokens.invalid"), 20, "the event of an invalid file")
    server.write(*TOKENS.values(), NamedToken.of("late", Role.READ, "its-next-token"))
    assert server.ask("GET", "/models", token="token-of-late").status == 401
    assert server.ask("GET", "/models", Cookie=session).status == 401, "the name alone is no proof"
    session = server.log_in("its-next-token").cookie
    server.write(*TOKENS.values(), NamedToken.of("late", Role.PUBLISH, "its-next-token"))
    assert "publish" in server.ask("GET", "/ui/session", Cookie=session).text, "the role is that of the token now"
    server.write(*TOKENS.values())
    assert server.ask("GET", "/models", token="its-next-token").status == 401
    assert server.ask("GET", "/models", Cookie=session).status == 401, "a session ends with its token"
    assert "token-of-late" not in server.process.log


def test_a_proxy_names_the_person_and_no_other_address_does(server: Server, versions: list[str]) -> None:
    ann = {"X_Forwarded_User": "4711", "X_Forwarded_Email": "ann@example.org"}
    assert server.ask("GET", "/models", source=PROXY, **ann).status == 200
    assert server.ask("GET", "/models", **ann).status == 401
    body = {"version": versions[1], "by": "eve"}
    rolled = server.ask("POST", "/models/loan/rollouts?wait=30", body, source=PROXY, Origin=server.origin, **ann).body
    assert (rolled["by"], rolled["on_behalf_of"]) == ("ann@example.org", "eve")
    evil = {"Origin": "https://evil.example", **ann}
    assert server.ask("POST", "/models/loan/rollback", {}, source=PROXY, **evil).status == 403
    readers = server.ask(
        "POST", "/models/loan/rollback", {}, source=PROXY, Origin=server.origin, X_Forwarded_User="bob@example.org"
    )
    assert (readers.status, readers.body["needed"]) == (403, "roll")
    assert server.ask("GET", "/models", source=PROXY, X_Forwarded_User="eve@evil.example").status == 403
    assert server.ask("GET", "/models", source=PROXY, X_Forwarded_User="model_server").status == 401
    assert server.ask("GET", "/models", source=PROXY, X_Forwarded_User="ann@example.org,eve").status == 401
    assert server.ask("GET", "/models", token="token-of-read-ann", source=PROXY, **ann).status == 200
    assert server.ask("GET", "/models", token="token-of-nothing", source=PROXY, **ann).status == 401
    over_tls = server.log_in("token-of-read-ann", source=PROXY, X_Forwarded_Proto="https")
    morsel = SimpleCookie(over_tls.headers["Set-Cookie"])["__Host-changeover"]
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, True, "Strict", "/")
    assert "changeover_session" in server.log_in("token-of-read-ann", X_Forwarded_Proto="https").cookie

"""Browsers at a real model_server over HTTP: login, cookies, pages of other origins, links, the end of sessions."""

import re
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from model_server.access.sessions import LASTS_S, Sessions
from model_server.access.tokens import Tokens
from tests.integration.access_server import PROXY, TOKENS, Server, access_server, publish_two
from tests.processes.model_server import REPORT_TOKEN
from tests.processes.store import Store

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with access_server(seaweed, "browsers", tmp_path_factory.mktemp("browsers")) as server:
        yield server


@pytest.fixture(scope="module")
def versions(server: Server) -> list[str]:
    """Two versions of the model, the first of which is current."""
    return publish_two(server)


def test_a_browser_logs_in_acts_and_logs_out(server: Server, versions: list[str]) -> None:
    wanted = server.ask("GET", "/ui/session?page=2", **HTML)
    assert (wanted.status, wanted.headers["Location"]) == (303, "/ui/login?next=%2Fui%2Fsession%3Fpage%3D2")
    assert server.ask("GET", "/ui/session").status == 401
    page = server.ask("GET", wanted.headers["Location"], **HTML)
    assert (page.status, 'name="next" value="/ui/session?page=2"' in page.text) == (200, True)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    entered = server.ask(
        "POST", "/ui/login", urlencode({"token": " token-of-roll-ann ", "next": "/ui/models/loan?page=2"})
    )
    assert (entered.status, entered.headers["Location"]) == (303, "/ui/models/loan?page=2")
    morsel = SimpleCookie(entered.headers["Set-Cookie"])["changeover_session"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"], morsel["secure"]) == (True, "Strict", "/", "")
    assert int(morsel["max-age"]) == LASTS_S
    session = entered.cookie
    assert "roll-ann" in server.ask("GET", "/ui/session", Cookie=session).text
    roll = {"version": versions[0]}
    acted = server.ask("POST", "/models/loan/rollouts?wait=30", roll, Cookie=session, Origin=server.origin)
    assert acted.status == 200
    assert server.ask("POST", "/models/loan/versions", b"", Cookie=session, Origin=server.origin).status == 422
    assert server.ask("POST", "/login-links", Cookie=session, Origin=server.origin).status == 403
    left = server.ask("POST", "/ui/logout", "", Cookie=session, Origin=server.origin)
    assert (left.status, left.headers["Location"]) == (303, "/ui/login")
    assert left.cookie == "changeover_session="
    elsewhere = server.ask("POST", "/ui/login", urlencode({"token": "token-of-read-ann", "next": "//evil.example/ui"}))
    assert elsewhere.headers["Location"] == "/ui/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {},
    ],
    ids=str,
)
def test_a_page_of_another_origin_cannot_use_a_session(
    server: Server, versions: list[str], headers: dict[str, str]
) -> None:
    session = server.log_in("token-of-admin-ann").cookie
    for path in ("/models/loan/rollback", "/models/loan/versions", "/ui/logout-all"):
        assert server.ask("POST", path, "", Cookie=session, **headers).status == 403
    if headers:
        assert server.ask("POST", "/ui/logout", "", Cookie=session, **headers).status == 403
        assert server.log_in("token-of-read-ann", **headers).status == 403
    assert server.ask("GET", "/models", Cookie=session, **headers).status == 200
    same = {"Sec_Fetch_Site": "same-origin", "Origin": "null"}
    assert server.ask("POST", "/models/nobody/rollback", "", Cookie=session, **same).status == 404


def test_a_forged_changed_or_old_cookie_is_no_session(server: Server) -> None:
    session = server.log_in("token-of-read-ann").cookie
    name, _, value = session.partition("=")
    body, _, signature = value.rpartition(".")
    changed = server.log_in("token-of-admin-ann").cookie.partition("=")[2].rpartition(".")[0]
    for forged in (
        f"{body}.{signature[::-1]}",
        f"{changed}.{signature}",
        f"{body}x.{signature}",
        "",
        "x" * 5000,
        "a.b",
    ):
        assert server.ask("GET", "/models", Cookie=f"{name}={forged}").status == 401
    assert server.ask("GET", "/models", Cookie=f"__Host-changeover={value}").status == 401, "that name is for TLS"
    key_file = server.process.folder / "spool" / "session_key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    token = TOKENS["read-ann"]
    now = time.time()
    for age, status in ((LASTS_S - 60, 200), (LASTS_S + 1, 401), (-3600, 401)):
        cookie = Sessions(Tokens(None, token), key_file, lambda age=age: now - age).cookie(token)
        assert server.ask("GET", "/models", Cookie=f"{name}={cookie}").status == status, age


def test_a_link_logs_in_once(server: Server) -> None:
    made = server.ask("POST", "/login-links", token="token-of-publish-ann")
    assert (made.status, made.body["by"]) == (201, "publish-ann")
    path = str(made.body["path"])
    assert server.ask("HEAD", path).status == 200
    clicked = server.ask("GET", path, Sec_Fetch_Site="cross-site")
    assert (clicked.status, "Set-Cookie" in clicked.headers) == (200, False)
    link = re.search(r'name="link" value="([^"]+)"', clicked.text)
    assert link
    entered = server.ask("GET", path, Sec_Fetch_Site="none")
    assert (entered.status, entered.headers["Location"]) == (303, "/ui/")
    assert "publish-ann" in server.ask("GET", "/ui/session", Cookie=entered.cookie).text
    assert server.ask("GET", path).status == 401
    assert server.ask("POST", "/ui/login", urlencode({"link": link[1]})).status == 401
    second = str(server.ask("POST", "/login-links", token="token-of-read-ann").body["path"])
    form = urlencode({"link": second.partition("=")[2]})
    assert server.ask("POST", "/ui/login", form, Sec_Fetch_Site="same-origin").status == 303
    assert server.ask("POST", "/login-links", token=REPORT_TOKEN).status == 403
    assert path.partition("=")[2] not in server.process.log


def test_an_admin_ends_all_sessions_for_good(server: Server) -> None:
    sessions = [server.log_in(f"token-of-{name}").cookie for name in TOKENS]
    assert {server.ask("GET", "/models", Cookie=session).status for session in sessions} == {200}
    assert server.ask("POST", "/ui/logout-all", "", Cookie=sessions[0], Origin=server.origin).status == 403
    assert server.ask("POST", "/ui/logout-all", "", token="token-of-admin-ann").status == 303
    assert {server.ask("GET", "/models", Cookie=session).status for session in sessions} == {401}
    fresh = server.log_in("token-of-read-ann").cookie
    assert server.process.end() == 0
    server.process.start()
    assert server.ask("GET", "/models", Cookie=fresh).status == 200, "a restart ends no session"
    assert {server.ask("GET", "/models", Cookie=session).status for session in sessions} == {401}


def test_failed_logins_are_limited_by_address(server: Server) -> None:
    answers = [server.log_in(f"guess-{number}", source="127.0.0.3") for number in range(12)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert server.log_in("token-of-read-ann", source="127.0.0.3").status == 429
    assert server.log_in("token-of-read-ann", source="127.0.0.4").status == 303
    behind = [
        server.log_in("guess", source=PROXY, X_Forwarded_For=f"9.9.9.9, 10.0.0.{n // 11}").status for n in range(22)
    ]
    assert behind == ([401] * 10 + [429]) * 2
    forged = [server.log_in("guess", source="127.0.0.5", X_Forwarded_For=f"10.0.0.{n}").status for n in range(11)]
    assert forged[-1] == 429

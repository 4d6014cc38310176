"""The console over HTTP: its pages are plain HTML with a JSON twin, escape every text, and act by forms."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conftest import wait_until
from tests.html_page import parse
from tests.integration.artifacts import a_model
from tests.integration.console_pages import current, form, page, publish, send
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store

HOSTILE = "<script>alert('ledger')</script> & \"quoted\" \u202egnp.exe"
HIDDEN = "\\u202egnp.exe"  # as the page shows the mark that turns the direction of reading
READ_ONLY: dict[str, Any] = {"token": None}  # ALLOW_ANONYMOUS_READS gives the role read


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    settings = {"ALLOW_ANONYMOUS_READS": "true", "GATE": "f1>=0.5"}
    with ModelServer(seaweed, "console", tmp_path_factory.mktemp("console"), settings) as process:
        yield process


@pytest.fixture(scope="module")
def versions(server: ModelServer) -> list[str]:
    """Three versions of `loan`: two were rolled, the third fails the gate and has a column more."""
    made = [publish(server, 1, 0.8), publish(server, 2, 0.9), publish(server, 3, 0.1, columns=4)]
    for version, reason in ((made[0], HOSTILE), (made[1], "second")):
        assert server.post("/models/loan/rollouts?wait=30", json={"version": version, "reason": reason}).ok
    return made


def paths(versions: list[str]) -> list[str]:
    one, two, three = versions
    return [
        *("/ui/", "/ui/models/loan", "/ui/rejected", "/ui/audit", f"/ui/models/loan/versions/{three}"),
        *(f"/ui/models/loan/compare?a={one}&b={two}", f"/ui/models/loan/roll?version={three}"),
    ]


def test_every_page_is_whole_and_reaches_no_other_host(server: ModelServer, versions: list[str]) -> None:
    for path in paths(versions):
        answer = server.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        shown = parse(answer.text)
        for element in shown.all():
            assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element
            for address in (element.attributes.get(name, "/") for name in ("href", "src", "action", "hx-get")):
                assert re.match(r"/(?!/)|#", address), f"{path} refers to {address}"
        assert [each.text for each in shown.all("script")] == [""] * len(list(shown.all("script")))
        assert shown.one("html").attributes["lang"] == "en"
        labelled = {each.attributes.get("for") for each in shown.all("label")}
        inside = [each for label in shown.all("label") for each in (*label.all("input"), *label.all("select"))]
        for each in (*shown.all("input"), *shown.all("select")):
            named = each.attributes.get("id") in labelled or each in inside
            assert named or each.attributes.get("type") == "hidden", f"{path}: {each} has no label"


def test_every_page_has_its_data_as_json_beside_it(server: ModelServer, versions: list[str]) -> None:
    for path in paths(versions):
        twin = page(server, path).one("footer").one("a").attributes["href"]
        assert ".json" in twin
        answer = server.get(twin)
        assert answer.headers["Content-Type"] == "application/json", path
        assert isinstance(answer.json(), dict)
    body = server.get("/ui/models/loan.json").json()
    assert body["live"]["current"]["version"] == versions[1]
    assert [row["version"] for row in body["versions"]["rows"]] == versions[::-1]
    assert body["behaviour"]["drift"] is None


def test_the_page_of_a_model_answers_its_questions(server: ModelServer, versions: list[str]) -> None:
    shown = page(server, "/ui/models/loan")
    answers = shown.one("section", aria_labelledby="answers").text
    assert versions[1][:12] in answers
    assert "second" in answers
    assert "committed" in shown.one("section", aria_labelledby="rolling").text
    assert "Too few" in shown.one("section", aria_labelledby="behaviour").text
    ledger = list(shown.one("section", aria_labelledby="ledger").one("tbody").all("tr"))
    assert [next(row.all("td")).text for row in ledger[-2:]] == ["2", "1"]
    assert "admitted" in shown.one("section", aria_labelledby="versions").text
    assert shown.one("p", id="sentence").attributes["aria-live"] == "polite"
    assert "no worker" in shown.one("p", id="sentence").text


def test_texts_of_callers_are_shown_as_text(server: ModelServer, versions: list[str]) -> None:
    for path in ("/ui/models/loan", "/ui/audit"):
        raw = server.get(path).text
        assert "<script>alert" not in raw
        assert "\u202e" not in raw
        assert HOSTILE.replace("\u202egnp.exe", HIDDEN) in parse(raw).text
    shown = server.get(f"/ui/models/loan/versions/{versions[0]}").text
    assert "<i>model" not in shown
    assert "<i>model 1</i>" in parse(shown).text
    refused = server.post("/models/loan/versions?name=<img src=x>.joblib", data=b"junk")
    assert refused.status_code == 422
    rejected = page(server, "/ui/rejected")
    assert "<img src=x>.joblib" in rejected.text
    assert list(rejected.all("img")) == []


def test_a_page_needs_a_token_or_a_permitted_read_and_errors_are_pages(server: ModelServer) -> None:
    answer = server.get("/ui/models/none", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "there is no model 'none'" in parse(answer.text).text
    assert "Content-Security-Policy" in answer.headers
    assert server.get("/ui/models/none.json").headers["Content-Type"] == "application/problem+json"
    wrong = {"token": "another-token-0123456789"}
    asked = server.get(
        "/ui/models/loan?day=2026-01-31", **wrong, headers={"Accept": "text/html"}, allow_redirects=False
    )
    assert asked.status_code == 303
    assert asked.headers["Location"] == "/ui/login?next=%2Fui%2Fmodels%2Floan%3Fday%3D2026-01-31"
    assert "Log in" in page(server, asked.headers["Location"], token=None).one("form").text
    assert server.get("/ui/models/loan.json", **wrong).status_code == 401
    assert server.post("/ui/models/loan/rollback", **wrong, data={"reason": "x"}).status_code == 401


def test_a_reader_sees_no_button_and_may_not_act(server: ModelServer, versions: list[str]) -> None:
    for path in paths(versions):
        shown = page(server, path, **READ_ONLY)
        assert [each for each in shown.all("form") if each.attributes.get("method") == "post"] == []
        assert not [each for each in shown.all("a") if "/roll?" in each.attributes["href"]]
    for act in ("rollback", "rollouts", "versions", "abort", "seen"):
        assert server.post(f"/ui/models/loan/{act}", token=None, data={"reason": "x"}).status_code == 401


def test_roll_back_by_the_form_and_a_second_submit_changes_nothing(server: ModelServer, versions: list[str]) -> None:
    before = current(server)
    shown = form(page(server, "/ui/models/loan"), "/ui/models/loan/rollback")
    assert before["previous"][:12] in shown.text
    assert shown.one("input", name="reason").attributes.keys() >= {"required"}
    assert send(server, shown, reason=" ").status_code == 400
    done = send(server, shown, reason="the labels moved")
    assert (done.status_code, done.headers["Location"]) == (303, "/ui/models/loan")
    after = wait_until(lambda: found if (found := current(server))["sequence"] > before["sequence"] else None)
    assert (after["version"], after["reason"]) == (before["previous"], "the labels moved")
    assert after["by"] == "publish-token"
    again = send(server, shown, reason="the labels moved")
    assert again.status_code == 409
    assert "load" in again.text or "look again" in again.text
    assert current(server) == after


def test_a_roll_shows_what_it_does_and_skips_a_check_only_by_the_typed_hash(
    server: ModelServer, versions: list[str]
) -> None:
    worse = versions[2]
    shown = page(server, f"/ui/models/loan/roll?version={worse}")
    assert "'x3' is new" in shown.text
    assert "f1 0.1 < 0.5" in shown.text
    asked = form(shown, "/ui/models/loan/rollouts")
    before = current(server)
    refused = send(server, asked, reason="try")
    assert refused.status_code == 422
    assert "'x3' is new" in parse(refused.text).text
    skips = {"allow_schema_change": "true", "skip_gate": "true"}
    untyped = send(server, asked, reason="try", **skips)
    assert (untyped.status_code, current(server)) == (400, before)
    assert send(server, asked, reason="agreed with all callers", **skips, typed=worse[:12]).status_code == 303
    wait_until(lambda: current(server)["version"] == worse)
    assert "schema change allowed" in current(server)["reason"]


def test_a_roll_is_aborted_by_the_form_and_stays_on_top_until_it_was_seen(
    server: ModelServer, versions: list[str]
) -> None:
    held = current(server)
    assert server.report("host:1:slow", []) == 204  # it is waited for, for it does not have the version
    target = next(version for version in versions[:2] if version != held["version"])
    skips = {"skip_gate": True, "allow_schema_change": True}
    assert server.post("/models/loan/rollouts", json={"version": target, **skips}).status_code == 202
    link = page(server, "/ui/models/loan").one("a", id="abort")
    assert "preparing" in page(server, "/ui/models/loan").one("section", aria_labelledby="rolling").text
    asked = form(page(server, link.attributes["href"]), "/ui/models/loan/abort")
    assert send(server, asked, reason=HOSTILE).status_code == 303
    wait_until(lambda: server.get("/models/loan").json()["rollout"] is None)
    assert current(server) == held
    shown = page(server, "/ui/models/loan")
    alert = shown.one("section", aria_labelledby="rolling").text
    assert "aborted by publish-token: <script>" in alert
    assert "roll aborted" in page(server, "/ui/").text
    assert send(server, asked, reason="again").status_code == 409
    assert send(server, form(shown, "/ui/models/loan/seen")).status_code == 303
    assert "I have seen it" not in page(server, "/ui/models/loan").text
    newest = next(page(server, "/ui/models/loan").one("section", aria_labelledby="ledger").one("tbody").all("tr"))
    assert newest.attributes["class"] == "aborted"


def test_the_live_part_is_one_fragment_and_repeats_its_sentence_only_when_it_changed(
    server: ModelServer, versions: list[str]
) -> None:
    part = page(server, "/ui/models/loan").one("div", id="live")
    address = part.attributes["hx-get"]
    assert part.attributes["hx-trigger"] == "every 2s"
    fragment = parse(server.get("/ui/models/loan/live?shown=other").text)
    assert fragment.one("p", hx_swap_oob="innerHTML:#sentence").text
    current_address = fragment.one("div", id="live").attributes["hx-get"]
    assert list(parse(server.get(current_address).text).all("p", hx_swap_oob="innerHTML:#sentence")) == []
    assert address.startswith("/ui/models/loan/live?shown=")
    held = current(server)
    body = {"sequence": held["sequence"], "version": held["version"]}
    report = {"replica": "host:2:x", "host": "web-1", "pid": 2, "held": body, "ready": [held["version"]], "failed": {}}
    headers = {"Authorization": f"Bearer {server.environment['REPORT_TOKEN']}"}
    assert requests.put(f"{server.url}/models/loan/replicas/host:2:x", json=report, headers=headers, timeout=30).ok
    workers = server.get("/ui/models/loan/live.json").json()["workers"]
    assert {worker["replica"]: worker["word"] for worker in workers}["host:2:x"] == "current"


def test_an_upload_by_the_form_leads_to_the_version_or_to_the_reason(server: ModelServer, versions: list[str]) -> None:
    action = form(page(server, "/ui/upload?model=new-one"), "/ui/models/new-one/versions").attributes["action"]
    done = server.post(action, files={"artifact": ("m.joblib", a_model(7))}, allow_redirects=False)
    assert done.status_code == 303, done.text
    assert "Columns" in page(server, done.headers["Location"]).text
    by_script = server.post(
        action, files={"artifact": ("m.joblib", a_model(7))}, headers={"Accept": "application/json"}
    )
    assert by_script.json() == {"location": done.headers["Location"]}
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    refused = server.post(action, files={"artifact": ("<u>m.joblib", b"no model")}, headers=browser)
    assert refused.status_code == 422
    assert "rejected" in parse(refused.text).text
    assert server.get("/ui/upload?model=../x", headers=browser).status_code == 422


def test_the_ledger_is_paged_filtered_by_day_and_says_what_was_live(server: ModelServer, versions: list[str]) -> None:
    one, two = versions[:2]
    skips = {"skip_gate": True, "allow_schema_change": True}
    wait_until(lambda: not any(each["awaited"] for each in server.get("/models/loan").json()["replicas"]))
    for number in range(24):
        body = {"version": (one, two)[number % 2], "reason": f"roll {number}", **skips}
        assert server.post("/models/loan/rollouts?wait=30", json=body).json()["state"] == "committed"
    rows: list[dict[str, Any]] = []
    address: str | None = "/ui/models/loan.json"
    while address:
        ledger = server.get(address).json()["ledger"]
        rows += ledger["rows"]
        address = f"/ui/models/loan.json?before={ledger['next']}" if ledger["next"] else None
    assert len(rows) == ledger["total"] > 20
    assert [row["sequence"] for row in rows if row["committed"]] == list(range(current(server)["sequence"], 0, -1))
    older = page(server, "/ui/models/loan").one("section", aria_labelledby="ledger").one("a", class_="more")
    assert "roll 23" not in page(server, older.attributes["href"]).one("section", aria_labelledby="ledger").text
    middle = next(row for row in rows if row["reason"].startswith("roll 11"))
    at = server.get("/ui/models/loan.json", params={"at": middle["rolled_at"]}).json()["ledger"]["at"]
    assert at["rollout"]["sequence"] == middle["sequence"]
    assert at["rollout"]["live_s"] >= 0
    assert "no version had been rolled" in page(server, "/ui/models/loan?at=2001-01-01T00:00").text
    assert "Nothing was rolled on 2001-01-01" in page(server, "/ui/models/loan?day=2001-01-01").text
    assert server.get("/ui/models/loan.json?at=never").status_code == 400
    everything = server.get("/ui/audit.json").json()
    assert everything["total"] == ledger["total"]
    assert len(everything["rows"]) == min(50, everything["total"])


def test_static_files_are_kept_by_browsers_and_come_packed(server: ModelServer, versions: list[str]) -> None:
    shown = page(server, "/ui/models/loan")
    addresses = [each.attributes["src"] for each in shown.all("script")]
    addresses += [each.attributes["href"] for each in shown.all("link")]
    for address in addresses:
        answer = server.get(address, token=None)
        assert answer.status_code == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
        assert server.get(address.replace("static/", "static/0"), token=None).status_code == 404
    plain = server.get(addresses[0], headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_after_a_restart_the_pages_are_the_same(server: ModelServer, versions: list[str]) -> None:
    before = server.get("/ui/models/loan.json").json()
    assert server.end() == 0
    server.start()
    wait_until(lambda: server.get("/ui/models/loan.json").json()["versions"]["complete"])
    after = server.get("/ui/models/loan.json").json()
    assert after["versions"] == before["versions"] | {"complete": True}
    assert after["ledger"] == before["ledger"]
    models = {"loan", "new-one"}
    wait_until(lambda: {row["model"] for row in server.get("/ui/rejected.json").json()["rows"]} == models)
    assert PUBLISH_TOKEN not in server.get("/ui/").text

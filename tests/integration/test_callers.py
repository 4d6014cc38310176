"""API keys, origins of web pages and a path prefix, over HTTP: one instance with two workers has all three."""

import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from changeover import Client
from changeover.exceptions import ServiceRefused
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import ROW, tiny
from tests.wire_stub import WireStub, running_stub

KEYS = {name: f"{name}-{'k' * 30}" for name in ("every", "loans", "slow", "fresh")}
PAGE = "https://app.example.org"
BY_FLASK = "?include=inputs"  # the fast path leaves every query to Flask
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key"}


def entry(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "sha256": hashlib.sha256(KEYS[name].encode()).hexdigest(), **more}


ENTRIES = [
    entry("every"),
    entry("loans", models=["loan"]),
    entry("slow", requests_per_second=0.001, burst=6),
]


class Guarded(NamedTuple):
    """An instance that needs keys, and its key file."""

    api: PredictApi
    file: Path

    def write(self, *entries: object) -> None:
        """Replace the file as a whole, as an operator's tool does."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"keys": entries}), encoding="utf-8")
        new.replace(self.file)

    def ask(self, method: str, path: str, key: str | None = None, **headers: str) -> requests.Response:
        """The response to a request by the key of that name."""
        sent = {"X-API-Key": KEYS.get(key, key)} if key else {}
        body = ROW if method == "POST" else None
        return requests.request(method, f"{self.api.url}{path}", json=body, headers={**sent, **headers}, timeout=30)


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        for model, number in (("default", 3), ("loan", 4)):
            stub.roll(model, stub.publish(model, *tiny(number)))
        yield stub


@pytest.fixture(scope="module")
def guarded(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder: Path = tmp_path_factory.mktemp("callers")
    file = folder / "keys.json"
    settings = {
        "KEYS_FILE": str(file),
        "CORS_ORIGINS": PAGE,
        "ROOT_PATH": "/ml",
        "TRUSTED_PROXIES": "127.0.0.2/32",
        "LOG_LEVEL": "debug",
    }
    guarded = Guarded(PredictApi(stub.url, folder, **settings), file)
    guarded.write(*ENTRIES)
    with guarded.api:
        for path in ("/predict", "/models/loan/predict"):
            wait_until(lambda path=path: guarded.ask("POST", path, "every").ok, what="both models answer")  # type: ignore[misc]
        yield guarded


@pytest.mark.parametrize("path", ["/predict", f"/predict{BY_FLASK}", "/models/loan/predict", "/ml/predict"])
def test_a_prediction_needs_a_key(guarded: Guarded, path: str) -> None:
    for key in (None, "not-a-key"):
        refused = guarded.ask("POST", path, key)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="changeover"')
        assert refused.json()["type"] == "urn:changeover:no-valid-key"
    assert guarded.ask("POST", path, "every").status_code == 200
    assert guarded.ask("POST", path, Authorization=f"Bearer {KEYS['every']}").status_code == 200
    both = guarded.ask("POST", path, "every", Authorization="Basic cHJveHk6cGFzcw==")
    assert both.status_code == 200  # the Authorization of a proxy in front


def test_the_client_sends_its_key(guarded: Guarded) -> None:
    def predicted(api_key: str | None) -> object:
        client = Client("http://127.0.0.1:1", predict_url=guarded.api.url, api_key=api_key)
        answer: dict[str, object] = client.predict(ROW, "loan")  # type: ignore[assignment]
        return answer["prediction"]

    assert predicted(KEYS["every"]) == 4
    with pytest.raises(ServiceRefused, match="no valid API key"):
        predicted(None)


def test_what_tells_about_models_needs_a_key_and_a_route_that_is_not_listed_too(guarded: Guarded) -> None:
    for path in ("/models", "/models/loan", "/openapi.json", "/v2/models/loan", "/no/such/path"):
        assert guarded.ask("GET", path).status_code == 401, path


def test_probes_and_the_page_need_no_key(guarded: Guarded) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/apidocs", "/apidocs/swagger-ui.css", "/ml/livez"):
        assert guarded.ask("GET", path).status_code == 200, path


def test_a_key_is_for_its_models_only(guarded: Guarded) -> None:
    assert guarded.ask("POST", "/models/loan/predict", "loans").status_code == 200
    for path in ("/predict", f"/predict{BY_FLASK}", "/models/default/predict", "/models/no-such-model/predict"):
        refused = guarded.ask("POST", path, "loans")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:changeover:model-not-allowed"), path
    assert guarded.ask("GET", "/models/default", "loans").status_code == 403
    assert [line["model"] for line in guarded.ask("GET", "/models", "loans").json()["models"]] == ["loan"]
    assert "/models/default/predict" not in guarded.ask("GET", "/openapi.json", "loans").json()["paths"]


def test_a_key_that_has_used_up_its_requests_waits_whichever_worker_answers(guarded: Guarded) -> None:
    responses = [guarded.ask("POST", "/predict", "slow") for _ in range(20)]  # each on a connection of its own
    assert sorted(response.status_code for response in responses) == [200] * 6 + [429] * 14
    refused = responses[-1]
    assert 900 < int(refused.headers["Retry-After"]) <= 1000
    assert refused.json()["type"] == "urn:changeover:too-many-requests"
    assert guarded.ask("POST", "/predict", "every").status_code == 200


def test_metrics_and_the_log_have_the_name_of_the_caller_and_no_key(guarded: Guarded) -> None:
    guarded.ask("POST", "/predict", "loans", **{"X-Request-Id": "refused-1"})
    guarded.ask("POST", "/predict", "every", **{"X-Request-Id": "answered-1"})
    text = guarded.ask("GET", "/metrics").text
    assert 'changeover_caller_requests_total{caller="loans",status="403"}' in text
    assert 'changeover_caller_requests_total{caller="every",status="200"}' in text

    def callers() -> dict[str, str] | None:
        events = {event["request_id"]: event.get("caller") for event in guarded.api.events("request.answered")}
        return events if {"refused-1", "answered-1"} <= set(events) else None

    logged = wait_until(callers, what="both events")
    assert (logged["refused-1"], logged["answered-1"]) == ("loans", "every")  # type: ignore[index]
    digests = [str(one["sha256"]) for one in ENTRIES]
    assert [secret for secret in (*KEYS.values(), *digests) if secret in guarded.api.log] == []


def test_the_file_is_read_again_after_a_change_and_an_invalid_one_changes_nothing(guarded: Guarded) -> None:
    assert guarded.ask("GET", "/models", "fresh").status_code == 401
    guarded.write(*ENTRIES, entry("fresh"))
    assert guarded.ask("GET", "/models", "fresh").status_code == 200
    for broken in ({**ENTRIES[0], "burst": 0}, None):
        guarded.write(broken) if broken else guarded.file.unlink()
        assert [guarded.ask("GET", "/models", "fresh").status_code for _ in range(8)] == [200] * 8  # by both workers
    next(one for one in guarded.api.workers() if "predict_api" in one.cmdline()).kill()
    wait_until(lambda: len(guarded.api.events("worker.started")) == 3, 60, "the worker after that one")
    assert [guarded.ask("GET", "/models", "fresh").status_code for _ in range(8)] == [200] * 8
    [event, *_] = wait_until(lambda: guarded.api.events("keys.invalid"), what="the event")  # type: ignore[misc]
    assert f"KEYS_FILE: {guarded.file}: entry 1 ('every')" in event["reason"]
    guarded.write(*ENTRIES)
    assert guarded.ask("GET", "/models", "fresh").status_code == 401


def test_a_page_of_a_listed_origin_may_send_requests_and_read_their_headers(guarded: Guarded) -> None:
    asked = guarded.ask("OPTIONS", "/predict", Origin=PAGE, **PREFLIGHT)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == PAGE
    assert asked.headers["Access-Control-Allow-Headers"] == "content-type,x-api-key"
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    for key, path in (("every", "/predict"), ("every", f"/predict{BY_FLASK}"), (None, "/predict")):
        answer = guarded.ask("POST", path, key, Origin=PAGE)
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert {"Model-Version", "X-Request-Id"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        assert answer.headers["Vary"] == "Origin"


def test_a_page_of_another_origin_may_not(guarded: Guarded) -> None:
    asked = guarded.ask("OPTIONS", "/predict", Origin="https://other.example.org", **PREFLIGHT)
    assert (asked.status_code, asked.json()["type"]) == (403, "urn:changeover:origin-not-allowed")
    answer = guarded.ask("POST", "/predict", "every", Origin="https://other.example.org")
    assert answer.headers["Vary"] == "Origin"
    for response in (asked, answer):
        assert [name for name in response.headers if name.lower().startswith("access-control")] == []


def test_openapi_has_the_prefix_and_the_keys(guarded: Guarded) -> None:
    document = guarded.ask("GET", "/ml/openapi.json", "every").json()
    assert document["servers"] == [{"url": "/ml"}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    assert {"401", "403", "429"} <= set(document["paths"]["/predict"]["post"]["responses"])
    assert document["paths"]["/livez"]["get"]["security"] == []


def test_a_forwarded_prefix_counts_from_a_trusted_proxy_only(guarded: Guarded) -> None:
    def servers(source: str, forwarded: str) -> object:
        connection = http.client.HTTPConnection("127.0.0.1", guarded.api.port, 30, source_address=(source, 0))
        headers = {"X-Forwarded-Prefix": forwarded, "X-API-Key": KEYS["every"]}
        connection.request("GET", "/openapi.json", headers=headers)
        found = json.loads(connection.getresponse().read())["servers"][0]["url"]
        connection.close()
        return found

    assert servers("127.0.0.2", "/api/ml/") == "/api/ml"
    assert servers("127.0.0.1", "/api/ml") == "/ml"
    assert servers("127.0.0.2", "//evil.example") == "/ml"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"KEYS_FILE": "/no/such/keys.json"}, "KEYS_FILE: /no/such/keys.json cannot be read"),
        ({"CORS_ORIGINS": "app.example.org"}, "CORS_ORIGINS: 'app.example.org' is no origin"),
        ({"ROOT_PATH": "ml"}, "ROOT_PATH: 'ml' is no path prefix"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES: "),
    ],
    ids=lambda part: next(iter(part)) if isinstance(part, dict) else "",
)
def test_an_invalid_setting_of_the_edge_stops_the_start(tmp_path: Path, settings: dict[str, str], reason: str) -> None:
    api = PredictApi("http://127.0.0.1:1", tmp_path, **settings).launch()
    assert api.wait() == 2
    [event] = api.events("settings.invalid")
    assert event["reason"].startswith(reason)

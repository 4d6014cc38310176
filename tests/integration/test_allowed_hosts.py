"""The Host header: both services answer only to names that they know, so a rebound name of a web page reads nothing."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import ROW, tiny

JSON = {"Content-Type": "application/json"}
TOKEN = {"Authorization": f"Bearer {PUBLISH_TOKEN}"}
OF_PREDICT_API = [
    *(("GET", "/models"), ("GET", "/models/loan"), ("GET", "/openapi.json"), ("GET", "/apidocs"), ("GET", "/metrics")),
    *(("POST", "/predict"), ("POST", "/models/loan/predict"), ("GET", "/no/such/path"), ("OPTIONS", "/predict")),
]
OF_MODEL_SERVER = [
    *(("GET", "/models"), ("GET", "/models/loan/current"), ("GET", "/models/loan/versions"), ("GET", "/openapi.json")),
    *(("GET", "/metrics"), ("POST", "/models/loan/rollback"), ("GET", "/no/such/path")),
]


def call(
    url: str, method: str, path: str, host: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Status, headers in lower case and body, with `host` in the Host header."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=30)
    body = json.dumps(ROW) if method == "POST" and path.endswith("predict") else None
    connection.request(method, path, body, {"Host": host, **JSON, **(headers or {})})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def without_host(url: str, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return connection.recv(100)


class Pair(NamedTuple):
    """One model_server and one predict_api with the same settings."""

    server: ModelServer
    api: PredictApi


@contextmanager
def running_pair(store: Store, bucket: str, folder: Path, **settings: str) -> Iterator[Pair]:
    """A pair with a current version."""
    token = {"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": "loan", "WORKERS": "1"}
    with ModelServer(store, bucket, folder, settings) as server:
        version = str(server.publish(tiny(1)[0]).json()["version"])
        assert server.roll(version).json()["state"] == "committed"
        with PredictApi(server.url, folder, **token, **settings) as api:
            yield Pair(server, api)


@pytest.fixture(scope="module")
def pair(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(seaweed, "hosts", tmp_path_factory.mktemp("hosts")) as pair:
        yield pair


def refused(status: int, headers: dict[str, str], body: str) -> bool:
    if (status, headers["content-type"]) != (421, "application/problem+json"):
        return False
    problem = json.loads(body)
    return problem["type"] == "urn:changeover:unknown-host" and "ALLOWED_HOSTS" in problem["detail"]


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:5000", "10.1.2.3", "127.0.0.1.rebound.example"])
def test_another_name_is_refused_by_every_call(pair: Pair, host: str) -> None:
    for method, path in OF_PREDICT_API:
        assert refused(*call(pair.api.url, method, path, host)), f"{method} {path}"
    for method, path in OF_MODEL_SERVER:
        assert refused(*call(pair.server.url, method, path, host, TOKEN)), f"{method} {path}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]:5000", "LocalHost."])
def test_loopback_names_are_answered(pair: Pair, host: str) -> None:
    assert call(pair.api.url, "POST", "/predict", host)[0] == 200
    assert call(pair.api.url, "GET", "/models", host)[0] == 200
    assert call(pair.server.url, "GET", "/models", host, TOKEN)[0] == 200


def test_a_header_of_a_proxy_makes_no_name_known(pair: Pair) -> None:
    forwarded = {"X-Forwarded-Host": "localhost", "Forwarded": "host=localhost"}
    assert refused(*call(pair.api.url, "GET", "/models", "rebound.example", forwarded))
    assert refused(*call(pair.server.url, "GET", "/models", "rebound.example", forwarded | TOKEN))
    assert call(pair.api.url, "GET", "/models", "localhost", {"X-Forwarded-Host": "rebound.example"})[0] == 200


def test_a_probe_is_answered_by_whatever_name_an_orchestrator_calls(pair: Pair) -> None:
    for url in (pair.api.url, pair.server.url):
        assert call(url, "GET", "/livez", "10.42.0.17:5000")[0] == 200
        status, _, body = call(url, "GET", "/readyz", "10.42.0.17:5000")
        assert status == 200
        assert "loan" not in body  # the names of models are only for requests with a known host
        assert "loan" in call(url, "GET", "/readyz", "localhost")[2] or url == pair.server.url


def test_a_request_of_http_1_0_needs_no_name(pair: Pair) -> None:
    assert b" 200 " in without_host(pair.api.url, "/models")
    assert b" 401 " in without_host(pair.server.url, "/models")


def test_a_refusal_is_logged_with_its_id_and_counted(pair: Pair) -> None:
    _, headers, _ = call(pair.api.url, "GET", "/models", "rebound.example", {"X-Request-Id": "rebound-1"})
    assert headers["x-request-id"] == "rebound-1"
    wait_until(
        lambda: [event for event in pair.api.events("request.answered") if event.get("request_id") == "rebound-1"]
    )


def test_a_listed_name_is_answered_and_an_asterisk_allows_all(seaweed: Store, tmp_path: Path) -> None:
    for number, (allowed, known, other) in enumerate(
        [
            ("models.example.org,10.1.2.3", ["Models.example.org:443", "10.1.2.3:80", "localhost"], 421),
            ("*", ["x"], 200),
        ]
    ):
        folder = tmp_path / str(number)
        with running_pair(seaweed, f"hosts-{number}", folder, ALLOWED_HOSTS=allowed) as pair:
            for host in known:
                assert call(pair.api.url, "POST", "/predict", host)[0] == 200
                assert call(pair.server.url, "GET", "/models", host, TOKEN)[0] == 200
            assert call(pair.api.url, "POST", "/predict", "rebound.example")[0] == other
            assert call(pair.server.url, "GET", "/models", "rebound.example", TOKEN)[0] == other

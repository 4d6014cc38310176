"""Reads of model_server without a token: the freshness check and the probes are answered, no other call is."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from changeover.client.client import Client
from changeover.exceptions import ServiceRefused
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import tiny

OPEN = ("/livez", "/readyz", "/metrics", "/openapi.json", "/models/loan/current")
OF_REPLICAS = ("/models", "/models/loan/versions/{v}", "/models/loan/versions/{v}/artifact")
OTHERS = ("/models/loan", "/models/loan/versions", "/models/loan/rollouts", "/models/loan/rollouts/1")


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "reads", tmp_path_factory.mktemp("reads")) as process:
        yield process


@pytest.fixture(scope="module")
def version(server: ModelServer) -> str:
    version = str(server.publish(tiny(1)[0]).json()["version"])
    assert server.roll(version).json()["state"] == "committed"
    return version


def read(server: ModelServer, path: str, token: str = "", method: str = "GET") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{server.url}{path}", headers=headers, timeout=30)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [*OF_REPLICAS, *OTHERS, "/models/loan/versions/{v}/twin", "/models/nobody"])
def test_without_a_token_nothing_of_a_model_is_read(server: ModelServer, version: str, path: str, method: str) -> None:
    for token in ("", "not-the-token-of-this-server"):
        answer = read(server, path.format(v=version), token, method)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        if method == "GET":
            assert "token" in answer.json()["detail"]


@pytest.mark.parametrize("path", OPEN)
def test_the_freshness_check_and_the_probes_need_none(server: ModelServer, version: str, path: str) -> None:
    answer = read(server, path)
    assert answer.status_code == 200
    assert "golden" not in answer.text or path == "/openapi.json"


def test_the_publish_token_reads_all(server: ModelServer, version: str) -> None:
    for path in (*OPEN, *OF_REPLICAS, *OTHERS):
        assert read(server, path.format(v=version), PUBLISH_TOKEN).status_code == 200, path


def test_the_report_token_reads_what_a_replica_prepares_and_no_more(server: ModelServer, version: str) -> None:
    for path in (*OPEN, *OF_REPLICAS):
        assert read(server, path.format(v=version), REPORT_TOKEN).status_code == 200, path
    for path in OTHERS:
        refused = read(server, path, REPORT_TOKEN)
        assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json"), path


def test_the_refusal_without_a_token_names_the_setting(server: ModelServer, version: str) -> None:
    with pytest.raises(ServiceRefused, match="token"):
        Client(server.url, token="").versions("loan")


def test_replicas_read_from_their_networks(seaweed: Store, tmp_path: Path) -> None:
    settings = {"REPLICA_NETWORKS": "127.0.0.0/8"}
    with ModelServer(seaweed, "reads-of-replicas", tmp_path, settings) as server:
        assert read(server, "/models", REPORT_TOKEN).status_code == 200
        assert read(server, "/models").status_code == 401
        assert server.publish(tiny(1)[0]).status_code == 403


def test_a_replica_without_the_token_says_which_setting_it_lacks(
    server: ModelServer, version: str, tmp_path: Path
) -> None:
    settings = {"DEFAULT_MODEL": "loan", "START_TIMEOUT": "1", "WORKERS": "1"}
    for index, token in enumerate(("", "not-the-token-of-this-server")):
        folder = tmp_path / str(index)
        folder.mkdir()
        with PredictApi(server.url, folder, **settings, REPORT_TOKEN=token) as api:
            assert api.predict().status_code == 503
            wait_until(lambda api=api: "is REPORT_TOKEN the same there?" in api.log, 20, "the log names REPORT_TOKEN")


def test_reads_without_a_token_can_be_allowed_while_replicas_are_upgraded(seaweed: Store, tmp_path: Path) -> None:
    with ModelServer(seaweed, "open-reads", tmp_path, {"ALLOW_ANONYMOUS_READS": "true"}) as server:
        version = str(server.publish(tiny(1)[0]).json()["version"])
        assert server.roll(version).json()["state"] == "committed"
        for paths in (OPEN, (*OF_REPLICAS, *OTHERS)):
            assert "reads.anonymous" not in server.log, "probes are no reads"
            for path in paths:
                assert read(server, path.format(v=version)).status_code == 200, path
        assert read(server, "/models", "not-the-token-of-this-server").status_code == 401
        assert server.post("/models/loan/rollback", token=None).status_code == 401
        assert "reads.anonymous" in server.log


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """Another host, which keeps each request."""

    heard: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Log nothing."""


class _Redirecting(_Elsewhere):
    target = ""

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        self.send_response(302)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def redirecting() -> Iterator[str]:
    """A server that redirects every call to another host."""
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in (_Elsewhere, _Redirecting)]
    _Redirecting.target = f"http://localhost:{servers[0].server_address[1]}/artifact"
    _Elsewhere.heard, _Redirecting.heard = [], []
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{servers[1].server_address[1]}"
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_token_does_not_follow_a_redirect_to_another_host(redirecting: str, tmp_path: Path) -> None:
    Client(redirecting, token=PUBLISH_TOKEN).fetch("a" * 64, tmp_path / "model.joblib", "loan")
    assert _Redirecting.heard == [f"Bearer {PUBLISH_TOKEN}"]
    assert _Elsewhere.heard == [None]


def test_a_replica_follows_no_redirect(redirecting: str, tmp_path: Path) -> None:
    settings = {"DEFAULT_MODEL": "loan", "START_TIMEOUT": "1", "WORKERS": "1"}
    with PredictApi(redirecting, tmp_path, **settings, REPORT_TOKEN=REPORT_TOKEN):
        wait_until(lambda: len(_Redirecting.heard) > 2, 20, "checks")
        assert _Elsewhere.heard == []


def test_why_a_rollout_was_aborted_is_read_with_the_token_only(server: ModelServer, version: str) -> None:
    second = str(server.publish(tiny(2)[0]).json()["version"])
    reason = "golden row 0: prediction is 7"
    assert server.report("mine", [version]) == 204
    begun = server.roll(second, wait=0)

    def aborted() -> bool:
        assert server.report("mine", [version], {second: reason}) == 204
        return bool(server.get(begun.headers["Location"]).json()["state"] == "aborted")

    wait_until(aborted, 20, "the abort")
    assert reason in server.get("/readyz").json()["problems"]["rollout of loan"]
    readiness = read(server, "/readyz").json()
    assert readiness["status"] == "degraded"
    assert list(readiness["problems"]) == ["rollout of loan"]
    assert reason not in str(readiness)

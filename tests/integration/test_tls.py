"""TLS of both services and between them: real certificates, real connections, and new certificates under load."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.secured import Authority, SecuredModelServer, SecuredPredictApi, connect, der, presented
from tests.processes.store import Store

ROW = {"x0": 1.0, "x1": 2.0, "x2": 3.0}


@dataclass
class Stack:
    """Both services behind TLS; model_server asks its callers for a certificate."""

    authority: Authority
    server: SecuredModelServer
    api: SecuredPredictApi
    version: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, seaweed: Store) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "certificates")
    for name in ("model_server", "predict_api", "caller"):
        authority.issue(name)
    mutual = authority.settings("model_server") | {"TLS_CLIENT_CA": str(authority.file)}
    with ExitStack() as running:
        server = SecuredModelServer(seaweed, "models-tls", folder, mutual)
        server.tls = authority.for_requests("caller")
        running.enter_context(server)
        version = server.publish(a_model(1)).json()["version"]
        assert server.roll(version).json()["state"] == "committed"
        settings = authority.settings("predict_api") | {"DEFAULT_MODEL": "loan", "IDLE_SECONDS": "5"}
        settings["REPORT_TOKEN"] = server.environment["REPORT_TOKEN"]
        api = SecuredPredictApi(server.url, folder, **settings)
        api.tls = authority.for_requests()
        running.enter_context(api)
        wait_until(lambda: api.answers("/readyz"), 60, "a replica with the model")
        yield Stack(authority, server, api, version)


def livez(port: int, context: ssl.SSLContext) -> int:
    """The status of /livez. By TLS 1.3 a client knows only when it reads whether its certificate is accepted."""
    caller = connect(port, context)
    try:
        caller.request("GET", "/livez")
        return caller.getresponse().status
    finally:
        caller.close()


def test_a_prediction_goes_over_tls_all_the_way(stack: Stack) -> None:
    answer = stack.api.predict(ROW)
    assert (answer.status_code, answer.json()["model_version"]) == (200, stack.version)
    assert "Model-Stale" not in answer.headers
    replicas = stack.server.get("/models/loan").json()["replicas"]
    assert len([replica for replica in replicas if replica["held"]["version"] == stack.version]) == 2


def test_plain_http_is_not_answered(stack: Stack) -> None:
    for port in (stack.server.port, stack.api.port):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://localhost:{port}/livez", timeout=10)


def test_a_caller_that_trusts_another_authority_sends_nothing(stack: Stack, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    for port in (stack.server.port, stack.api.port):
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(port, other.context())


def test_model_server_answers_no_caller_without_a_certificate_of_its_authority(stack: Stack, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    other.issue("caller")
    forged = ssl.create_default_context(cafile=stack.authority.file)
    forged.load_cert_chain(*other.files("caller"))
    for context in (stack.authority.context(), forged):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            livez(stack.server.port, context)
    assert livez(stack.server.port, stack.authority.context("caller")) == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TLS_CA": ""}, "is not trusted"),
        ({"TLS_CERT": "", "TLS_KEY": ""}, "TLS_CLIENT_CA"),
        ({"MODEL_SERVER_URL": "http://localhost:{port}"}, "does it speak HTTPS alone"),
    ],
    ids=["no authority", "no certificate", "no tls"],
)
def test_a_replica_that_cannot_talk_to_model_server_says_why(
    stack: Stack, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    settings = stack.authority.settings("predict_api") | {"WORKERS": "1", "START_TIMEOUT": "1", "DEFAULT_MODEL": "loan"}
    settings |= {name: value.format(port=stack.server.port) for name, value in change.items()}
    api = PredictApi(stack.server.url, tmp_path, **settings)
    api.launch()
    try:
        wait_until(lambda: reason in api.log, 30, f"{reason!r} in the log")
    finally:
        api.kill()
    assert str(stack.server.port) in api.log


def test_connections_in_the_middle_of_a_handshake_do_not_hold_up_others(stack: Stack) -> None:
    for port in (stack.server.port, stack.api.port):
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
        try:
            began = time.monotonic()
            assert livez(port, stack.authority.context("caller")) == 200
            assert time.monotonic() - began < 5
        finally:
            for connection in waiting:
                connection.close()


@dataclass
class Load:
    """Callers that repeat nothing: some keep their connection, some open one for each request."""

    port: int
    context: ssl.SSLContext
    path: str
    body: bytes | None = None
    new: bytes = b""
    failures: list[str] = field(default_factory=list)
    answers: dict[bytes, int] = field(default_factory=dict)  # by the certificate of the server
    closed: int = 0  # kept connections that the server ended, with an answer
    stale: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, args=(keep,)) for keep in (True, True, False, False)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, keep: bool) -> None:
        caller = None
        while not self._stop.wait(0.01):
            try:
                caller = caller or connect(self.port, self.context)
                certificate = presented(caller)
                method = "GET" if self.body is None else "POST"
                caller.request(method, self.path, self.body, {"Content-Type": "application/json"})
                answer = caller.getresponse()
                answer.read()
            except OSError as error:
                self.failures.append(repr(error))
                caller = None
                continue
            except Exception as error:
                self.failures.append(repr(error))
                raise
            if answer.status != 200:
                self.failures.append(f"status {answer.status}")
            self.answers[certificate] = self.answers.get(certificate, 0) + 1
            self.stale += answer.headers.get("Model-Stale") == "true"
            ends = answer.headers.get("Connection") == "close"
            self.closed += ends and keep
            if ends or not keep:
                caller.close()
                caller = None


def test_new_certificates_are_taken_without_a_failed_or_a_stale_request(stack: Stack) -> None:
    context = stack.authority.context("caller")
    loads = [
        Load(stack.api.port, context, "/predict", json.dumps(ROW).encode()),
        Load(stack.server.port, context, "/models/loan/current"),
    ]
    with loads[0], loads[1]:
        for _ in range(3):
            for load, name in zip(loads, ("predict_api", "model_server"), strict=True):
                load.new = der(stack.authority.issue(name))
            wait_until(lambda: all(load.answers.get(load.new, 0) > 50 for load in loads), 30, "the new certificates")
    for load in loads:
        assert load.failures == []
        assert load.stale == 0
        assert load.closed >= 2, "a kept connection goes over to the new certificate"
        assert len(load.answers) >= 4
    assert stack.server.log.count("tls.not_reloaded") == stack.api.log.count("tls.not_reloaded") == 0


def test_the_listener_of_former_certificates_ends_after_its_connections(stack: Stack) -> None:
    idle = connect(stack.server.port, stack.authority.context("caller"))
    before = len(stack.server.events("tls.former_listener_ended"))
    taken = len(stack.server.events("tls.reloaded"))
    stack.authority.issue("model_server")
    wait_until(lambda: len(stack.server.events("tls.reloaded")) > taken, 20, "the new certificate")
    wait_until(lambda: len(stack.server.events("tls.former_listener_ended")) > before, 60, "the end of the former")
    assert idle.sock.recv(1) == b"", "granian has closed the idle connection"
    idle.close()
    assert stack.api.predict(ROW).status_code == 200
    assert livez(stack.server.port, stack.authority.context("caller")) == 200


def test_files_that_do_not_fit_together_change_nothing_until_they_do(stack: Stack) -> None:
    certificate, key = stack.authority.files("predict_api")
    before = (certificate.read_bytes(), key.read_bytes())
    shown = presented(connect(stack.api.port, stack.authority.context()))
    key.write_bytes(stack.authority.issue("other").key)
    wait_until(lambda: stack.api.events("tls.not_reloaded"), 20, "the refusal")
    assert str(key) in stack.api.events("tls.not_reloaded")[0]["reason"]
    assert presented(connect(stack.api.port, stack.authority.context())) == shown
    key.write_bytes(before[1])
    renewed = der(stack.authority.issue("predict_api"))
    wait_until(
        lambda: presented(connect(stack.api.port, stack.authority.context())) == renewed, 20, "the new certificate"
    )


@pytest.mark.parametrize("service", ["model_server", "predict_api"])
def test_a_start_with_an_invalid_file_names_it(stack: Stack, tmp_path: Path, seaweed: Store, service: str) -> None:
    settings = stack.authority.settings(service)
    _, settings["TLS_KEY"] = map(str, stack.authority.files("caller"))
    process = (
        ModelServer(seaweed, "models-none", tmp_path, settings)
        if service == "model_server"
        else PredictApi("https://localhost:1", tmp_path, **settings)
    )
    process.launch()
    assert process.wait() == 2
    (refusal,) = process.events("settings.invalid")
    assert refusal["reason"].startswith("TLS_KEY: the key in ")
    assert settings["TLS_KEY"] in refusal["reason"]


def test_sigterm_ends_both_services_in_time(stack: Stack) -> None:
    for service in (stack.api, stack.server):
        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 10

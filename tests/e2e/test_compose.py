"""The stack in containers, as a user starts it with `docker compose up --build --wait`: answers and confinement."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import joblib
import pytest
import requests
from minio import Minio
from minio.error import S3Error

from changeover.client.client import Client
from changeover.client.upload import sha256_of_file
from changeover.demo.bodies import body
from changeover.demo.train import build, draft
from changeover.protocol.wire import MODEL_STALE, MODEL_VERSION
from changeover.stack import Stack
from tests.conftest import wait_until
from tests.e2e.client_loop import ClientLoop
from tests.processes.compose import PORTS, ComposeStack, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

MODEL = "segmentation"
SERVICES = ("store", "model_server", "predict_api", "gateway")
ONE_SHOTS = ("secrets_init", "store_init")


class Running(NamedTuple):
    """A running stack and its addresses."""

    compose: ComposeStack
    stack: Stack

    @property
    def client(self) -> Client:
        return Client(home=self.compose.home)

    @property
    def predict_url(self) -> str:
        return f"{self.stack.predict_urls[0]}/predict"

    def ask(self, which: Literal["single", "batch"] = "single") -> requests.Response:
        """The gateway's answer to one of the bodies of the example."""
        headers = {"Content-Type": "application/json"}
        return requests.post(self.predict_url, data=body(which), headers=headers, timeout=20)

    def serving(self) -> str | None:
        """The version of an answer that is not stale; None for any other."""
        answer = self.ask()
        fresh = answer.status_code == 200 and MODEL_STALE not in answer.headers
        return answer.headers[MODEL_VERSION] if fresh else None

    def by_hand(self) -> Minio:
        """The store, with the keys that `changeover credentials` gives for uploads by hand."""
        address = self.stack.store_url.removeprefix("http://")
        return Minio(address, self.stack.access_key, self.stack.secret_key, secure=False)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A first `up`: no model, no file edited."""
    compose = ComposeStack(tmp_path_factory.mktemp("home"), DEFAULT_MODEL=MODEL)
    try:
        compose.up()
        yield Running(compose, compose.credentials())
    finally:
        compose.forget()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models of one schema."""
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / f"model-{seed}.joblib" for seed in range(3)]
    for seed, path in enumerate(paths):
        joblib.dump(build(seed, rows=1500).estimator, path)
    return paths


@pytest.fixture(scope="module")
def running(empty: Running, models: list[Path]) -> Running:
    """The same stack, with a model published and rolled by HTTP."""
    published = empty.client.publish(models[0], MODEL, draft=draft(build(0, rows=1500)))
    rollout = empty.client.roll(published.version, model=MODEL)
    assert rollout["state"] == "committed", rollout
    assert published.version == sha256_of_file(models[0])
    # no replica reports this model yet, so the first roll waits for none; each worker fetches the version later
    wait_until(lambda: {empty.serving() for _ in range(20)} == {published.version}, what="the first version serving")
    return empty


def test_without_a_model_the_answer_is_predict_apis_own_503(empty: Running) -> None:
    answer = empty.ask()
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "No replica" not in answer.json()["detail"]


def test_the_credentials_are_an_up_json_without_pids(empty: Running) -> None:
    compose, stack = empty
    assert stack.pids is None
    assert stack.predict_urls == [f"http://127.0.0.1:{compose.ports['PREDICT_PORT']}"]
    assert stack.server_url == f"http://127.0.0.1:{compose.ports['SERVER_PORT']}"
    assert stack.store_url == f"http://127.0.0.1:{compose.ports['STORE_PORT']}"
    assert stack.bucket == "models"
    assert min(map(len, (stack.token, stack.access_key, stack.secret_key))) >= 20


def test_both_bodies_of_the_example_are_answered_through_the_gateway(running: Running) -> None:
    single, batch = running.ask("single"), running.ask("batch")
    assert single.status_code == batch.status_code == 200, (single.text, batch.text)
    assert set(single.json()) == {"prediction", "predict_proba", "classes", "model_version"}
    assert len(batch.json()["predictions"]) == 4
    assert single.json()["model_version"] == running.client.current(MODEL)["version"]


def test_the_documents_and_all_that_their_page_loads_come_through_the_gateway(running: Running) -> None:
    public = running.stack.predict_urls[0]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', requests.get(f"{public}/apidocs", timeout=20).text)
    assert {"apidocs/start.js", "apidocs/swagger-ui-bundle.js", "apidocs/swagger-ui.css"} <= set(loaded)
    answers = {path: requests.get(f"{public}/{path}", timeout=20) for path in ["apidocs", "openapi.json", *loaded]}
    kinds = {path: (page.status_code, page.headers["Content-Type"].partition(";")[0]) for path, page in answers.items()}
    types = {"js": "text/javascript", "css": "text/css", "png": "image/png", "json": "application/json"}
    assert kinds == {path: (200, types.get(path.rpartition(".")[2], "text/html")) for path in answers}
    assert "SwaggerUIBundle" in answers["apidocs/swagger-ui-bundle.js"].text
    assert "/predict" in answers["openapi.json"].json()["paths"]


def test_a_roll_under_load_fails_no_request(running: Running, models: list[Path]) -> None:
    with ClientLoop(running.predict_url, body("single")) as clients:
        wait_until(clients.after(50), what="answers before the roll")
        published = running.client.publish(models[1], MODEL)
        assert running.client.roll(published.version, model=MODEL)["state"] == "committed"
        wait_until(clients.after(50), what="answers after the roll")
    assert clients.failed == []
    assert running.serving() == published.version
    assert clients.order[-1] == published.version


def test_an_upload_by_hand_serves_after_a_restart_that_fails_no_request(running: Running, models: list[Path]) -> None:
    version = sha256_of_file(models[2])
    running.by_hand().fput_object(running.stack.bucket, f"incoming/{MODEL}/by-hand.joblib", str(models[2]))
    with ClientLoop(running.predict_url, body("batch")) as clients:
        wait_until(clients.after(50), what="answers before the restart")
        running.compose.compose("restart", "model_server")
        wait_until(lambda: running.serving() == version, 60, "the uploaded version serving")
        wait_until(clients.after(50), what="answers after the restart")
    assert clients.failed == []
    assert clients.answered[version] > 0


def test_three_replica_containers_agree_and_two_of_them_leave_unnoticed(running: Running) -> None:
    compose = running.compose
    wanted = running.client.current(MODEL)["version"]

    def six_workers_hold_it() -> bool:
        replicas = running.client.model(MODEL)["replicas"]
        assert isinstance(replicas, list)
        return len(replicas) >= 6

    scale = ("up", "--detach", "--no-recreate", "--no-deps", "--scale")
    with ClientLoop(running.predict_url, body("single")) as clients:
        compose.compose(*scale, "predict_api=3", "predict_api")
        wait_until(six_workers_hold_it, 60, "three containers with two workers each, seen by model_server")
        wait_until(clients.after(200), what="answers of three containers")
        compose.compose(*scale, "predict_api=1", "predict_api")
        wait_until(clients.after(100), what="answers of the one that is left")
    assert clients.failed == []
    assert set(clients.answered) == {wanted}


CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()"
CALL = """
import sys, urllib.error, urllib.request
method, url, token = sys.argv[1:]
call = urllib.request.Request(url, data=b"{}" if method == "POST" else None, method=method)
call.add_header("Authorization", "Bearer " + token)
try:
    print(urllib.request.urlopen(call, timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("where", ["by name", "by address", "by the host"])
def test_the_store_is_out_of_reach_of_predict_api(running: Running, where: str) -> None:
    compose = running.compose
    name, port = {
        "by name": ("store", "9000"),
        "by address": (compose.address("store", "storage"), "9000"),
        "by the host": (compose.address("gateway", "public", "Gateway"), str(compose.ports["STORE_PORT"])),
    }[where]
    tried = compose.compose("exec", "-T", "predict_api", "python", "-c", CONNECT, name, port, check=False)
    assert tried.returncode != 0
    assert "error" in tried.stderr.lower(), tried.stderr


@pytest.mark.parametrize(
    "path", [f"/models/{MODEL}/versions", f"/models/{MODEL}/rollouts", f"/models/{MODEL}/rollback"]
)
def test_no_change_is_taken_from_predict_apis_network_whatever_the_token(running: Running, path: str) -> None:
    call = ("predict_api", CALL, "POST", f"http://model_server:5001{path}", running.stack.token)
    before = running.client.history(MODEL)
    assert running.compose.python_in(*call) == "403"
    assert running.client.history(MODEL) == before
    reading = ("predict_api", CALL, "GET", f"http://model_server:5001/models/{MODEL}/current", "")
    assert running.compose.python_in(*reading) == "200", "reading must work, or the 403 proves nothing"


def test_model_servers_other_address_is_out_of_reach_of_predict_api(running: Running) -> None:
    compose = running.compose
    address = compose.address("model_server", "storage")
    tried = compose.compose("exec", "-T", "predict_api", "python", "-c", CONNECT, address, "5001", check=False)
    assert tried.returncode != 0


def test_the_keys_for_uploads_by_hand_put_into_incoming_and_nothing_else(running: Running) -> None:
    store, bucket = running.by_hand(), running.stack.bucket
    store.put_object(bucket, "incoming/other/x.txt", io.BytesIO(b"no model"), 8)
    store.put_object(bucket, "incoming/other/big.txt", io.BytesIO(bytes(6 << 20)), -1, part_size=5 << 20)
    refused: list[Callable[[], object]] = [
        lambda: store.put_object(bucket, "versions/x", io.BytesIO(b"x"), 1),
        lambda: store.put_object(bucket, "rollouts/segmentation/99999999.json", io.BytesIO(b"{}"), 2),
        lambda: store.get_object(bucket, "incoming/other/x.txt"),
        lambda: store.get_object(bucket, f"versions/{MODEL}/{running.serving()}/model.joblib"),
        lambda: store.remove_object(bucket, "incoming/other/x.txt"),
        lambda: list(store.list_objects(bucket, "versions/")),
        lambda: list(store.list_objects(bucket)),
        lambda: store.make_bucket("another"),
        lambda: store.remove_bucket(bucket),
    ]
    for attempt in refused:
        with pytest.raises(S3Error) as error:
            attempt()
        assert error.value.code == "AccessDenied"


@pytest.mark.parametrize("service", [*SERVICES, *ONE_SHOTS])
def test_a_container_has_no_root_no_writable_root_and_no_capability(running: Running, service: str) -> None:
    container = running.compose.inspect(service)
    config, host = container["Config"], container["HostConfig"]
    assert isinstance(config, dict)
    assert isinstance(host, dict)
    assert int(config["User"].partition(":")[0]) > 0
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0
    assert host["LogConfig"]["Config"]["max-size"]
    wanted = "unless-stopped" if service in SERVICES else "no"
    assert host["RestartPolicy"]["Name"] == wanted


def test_what_the_kernel_says_of_a_running_container(running: Running) -> None:
    for service in ("model_server", "predict_api"):
        status = running.compose.python_in(service, "print(open('/proc/self/status').read())")
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert {lines[name].strip() for name in ("CapPrm", "CapEff", "CapBnd")} == {"0000000000000000"}
        assert lines["NoNewPrivs"].strip() == "1"
        assert "0" not in lines["Uid"].split()


def test_only_four_ports_are_published_and_only_on_the_loopback_interface(running: Running) -> None:
    published = {}
    for service in SERVICES:
        host = running.compose.inspect(service)["HostConfig"]
        assert isinstance(host, dict)
        for bindings in host["PortBindings"].values():
            for binding in bindings:
                published[int(binding["HostPort"])] = binding["HostIp"]
    assert published == dict.fromkeys((running.compose.ports[name] for name in PORTS), "127.0.0.1")


def test_each_container_sees_its_own_secrets_and_none_is_in_an_environment(running: Running) -> None:
    listing = "import os; print(sorted(os.listdir('/run/secrets')))"
    own = ["report_token", "tls_ca.pem", "tls_cert.pem", "tls_key.pem"]
    assert running.compose.python_in("predict_api", listing) == str(own)
    assert "root" not in running.compose.python_in("model_server", listing)
    secrets_known = (running.stack.token, running.stack.secret_key)
    shown = [str(running.compose.inspect(service)) for service in (*SERVICES, *ONE_SHOTS)]
    shown.append(running.compose.compose("logs", "--no-color").stdout)
    assert not any(secret in text for secret in secrets_known for text in shown)


def test_down_keeps_models_and_secrets(running: Running) -> None:
    before = running.serving()
    assert before is not None
    running.compose.compose("down")
    running.compose.up()
    assert running.compose.credentials() == running.stack
    wait_until(lambda: running.serving() == before, 60, "the version that served before")

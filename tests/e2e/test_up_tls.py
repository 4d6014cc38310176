"""`changeover up --tls`: both services by HTTPS, with certificates of the stack's own that the CLI finds by itself."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from changeover.up.own_tls import own_certificates
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.up import PROGRAM, RunningStack, command, start

ROW = {"x0": 1.0, "x1": 2.0, "x2": 3.0}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    home = tmp_path_factory.mktemp("up") / "home"
    environment = {**os.environ, "DEFAULT_MODEL": "loan", "CHECK_DEADLINE_MS": "1000"}
    stack = start([*command(home), "--tls"], home, environment).wait_until_up()
    yield stack
    assert stack.stop() == 0


def changeover(running: RunningStack, *words: str) -> subprocess.CompletedProcess[str]:
    line = [*PROGRAM, *words, "--home", str(running.home)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_the_whole_way_of_a_model_goes_over_tls(running: RunningStack, tmp_path: Path) -> None:
    described = running.described
    assert all(url.startswith("https://") for url in (described.server_url, *described.predict_urls))
    (tmp_path / "model.joblib").write_bytes(a_model(3))
    pushed = changeover(running, "push", str(tmp_path / "model.joblib"), "--roll", "--json")
    assert pushed.returncode == 0, pushed.stderr
    version = running.client().current()["version"]
    running.wait_until_held("loan", str(version))
    authority = running.home / "tls" / "ca.pem"
    answer = requests.post(f"{described.predict_urls[0]}/predict", json=ROW, verify=str(authority), timeout=30)
    assert (answer.status_code, answer.json()["model_version"]) == (200, version)
    by_the_client: Any = running.client().predict(ROW)
    assert by_the_client["model_version"] == version


def test_a_program_that_does_not_know_the_authority_is_not_answered(running: RunningStack) -> None:
    for url in (running.described.server_url, *running.described.predict_urls):
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{url}/livez", timeout=10)


def test_doctor_and_restart_find_their_way(running: RunningStack) -> None:
    def fine() -> bool:
        report = json.loads(changeover(running, "doctor", "--json").stdout)
        return bool(report["ok"])

    assert changeover(running, "restart", "predict_api").returncode == 0
    wait_until(fine, 30, "a healthy stack")


def test_new_certificates_are_taken_while_it_runs(running: RunningStack) -> None:
    log = running.home / "log"
    (running.home / "tls" / "service.pem").unlink()
    own_certificates(running.home / "tls")
    for name in ("model_server", "predict_api"):
        wait_until(lambda name=name: "tls.reloaded" in (log / f"{name}.log").read_text(), 20, name)  # type: ignore[misc]
    assert running.client().models()["default"] == "loan"

"""The processes of models in containers: confined under Docker's own profile, of the environments in the images."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
from click.testing import CliRunner
from sklearn.neighbors import KNeighborsClassifier

from changeover.cli.main import main
from changeover.client.client import Client
from changeover.stack import Stack
from model_runner.confinement.confine import MEASURES
from tests.conftest import wait_until
from tests.processes.compose import ComposeStack, why_not
from tests.tree import ROOT

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

OURS, THEIRS = "ours", "theirs"
ENVIRONMENT = "sklearn-1.6"
REQUIREMENTS = "scikit-learn==1.6.1\npandas==2.2.3\n"
# Docker mounts /tmp without the right to execute; here /dev/shm is missing, too.
OVERRIDE = "services: {model_server: {ipc: none}, predict_api: {ipc: none}}\n"
PYTHON = f"/opt/environments/{ENVIRONMENT}/venv/bin/python"
MAKE = """
import base64, io, json, joblib, pandas, sklearn
from sklearn.neighbors import KNeighborsClassifier
frame = pandas.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
model = KNeighborsClassifier(3).fit(frame, [0, 1, 1, 0])
file = io.BytesIO()
joblib.dump(model, file)
shown = {"version": sklearn.__version__, "probabilities": model.predict_proba(frame[:1])[0].tolist()}
print(json.dumps(shown | {"model": base64.b64encode(file.getvalue()).decode()}))
"""
PROCESSES = """
import json, os
found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
        command = open(f"/proc/{pid}/cmdline").read()
        score = int(open(f"/proc/{pid}/oom_score_adj").read())
    except OSError:
        continue
    found.append([int(pid), int(status["PPid"]), status["State"].strip()[0], score, int(status["Seccomp"]), command])
print(json.dumps(found))
"""
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


class Process(NamedTuple):
    """A process of a container, as /proc shows it."""

    pid: int
    parent: int
    state: str
    oom_score_adj: int
    seccomp: int
    command: str


class Running(NamedTuple):
    """A running stack whose images have an environment."""

    compose: ComposeStack
    stack: Stack

    @property
    def client(self) -> Client:
        return Client(home=self.compose.home)

    def predict(self, model: str) -> requests.Response:
        """The answer of a model to the first row that it was fitted with."""
        url = f"{self.stack.predict_urls[0]}/models/{model}/predict"
        return requests.post(url, json={"a": 0.0, "b": 1.0}, timeout=30)

    def processes(self) -> list[Process]:
        """The processes of predict_api's container."""
        return [Process(*each) for each in json.loads(self.compose.python_in("predict_api", PROCESSES))]

    def serve(self, path: Path, model: str) -> dict[str, Any]:
        """Publish and roll a file; returns the manifest when it is answered by it."""
        version = self.client.publish(path, model).version
        assert self.client.roll(version, model=model)["state"] == "committed"
        wait_until(lambda: {self.predict(model).status_code for _ in range(20)} == {200}, 60, f"{model} is served")
        return dict(self.client.manifest(version, model))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("compose")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    shutil.copy(ROOT / ".dockerignore", tree)
    (tree / "deploy" / "environments" / f"{ENVIRONMENT}.txt").write_text(REQUIREMENTS, encoding="utf-8")
    (tree / "override.yml").write_text(OVERRIDE, encoding="utf-8")
    (home := folder / "home").mkdir()
    files = "docker-compose.yml:override.yml"
    compose = ComposeStack(home, tree, COMPOSE_FILE=files, DEFAULT_MODEL=OURS, RUNTIME="sklearn")
    try:
        built = compose.compose("build", seconds=900, check=False)
        if "cannot reach the package index" in built.stderr:
            pytest.skip("no package index can be reached from a build")
        assert built.returncode == 0, built.stderr
        compose.up()
        yield Running(compose, compose.credentials())
    finally:
        compose.forget()


@pytest.fixture(scope="module")
def ours(running: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model of the libraries of the product; no twin answers for it."""
    frame = pd.DataFrame({"a": np.arange(4.0), "b": [1.0, 0.0, 1.0, 0.0]})
    path = tmp_path_factory.mktemp("ours") / "model.joblib"
    joblib.dump(KNeighborsClassifier(1).fit(frame, [1, 0, 0, 1]), path)
    return running.serve(path, OURS)


def test_every_measure_holds_in_both_containers_and_doctor_says_so(running: Running, ours: dict[str, Any]) -> None:
    assert ours["runner_environment"] == "default"
    header = {"Authorization": f"Bearer {running.stack.token}"}
    for url in (running.stack.server_url, running.stack.predict_urls[0]):
        ready = requests.get(f"{url}/readyz", headers=header, timeout=20).json()
        assert ready["confinement"] == dict.fromkeys(MEASURES, True)
    result = CliRunner().invoke(main, ["doctor", "--json", "--home", str(running.compose.home)])
    findings = [each for each in json.loads(result.output)["checks"] if each["name"] == "confinement"]
    assert [each["ok"] for each in findings] == [True, True], result.output
    for service in ("model_server", "predict_api"):
        assert running.compose.python_in(service, "import os; print(os.environ['REQUIRE_CONFINEMENT'])") == "true"
        assert running.compose.python_in(service, "import os; print(os.path.exists('/dev/shm'))") == "False"


def test_scorers_are_forked_and_the_kernel_ends_them_first(running: Running, ours: dict[str, Any]) -> None:
    """Fault 35: in a container that is full, the kernel ends the process of a model, not one of the service."""
    found = {process.pid: process for process in running.processes()}
    models = [process for process in found.values() if process.oom_score_adj == 1000]
    scorers = [process for process in models if found[process.parent] in models]
    assert scorers, found
    assert {process.seccomp for process in models} == {2}
    assert {process.oom_score_adj for process in found.values() if "predict_api" in process.command} == {0}
    limits = running.compose.inspect("predict_api")["HostConfig"]
    assert isinstance(limits, dict)
    assert limits["Memory"] > 4 << 30, "more than RUNNER_MEMORY_BYTES, which the service needs for itself"


def test_killed_processes_of_models_are_replaced_and_reaped(running: Running, ours: dict[str, Any]) -> None:
    for kind in ("model_runner.zygote", "model_runner.pool.host"):
        for process in running.processes():
            if kind in process.command and process.oom_score_adj == 0:
                running.compose.python_in("predict_api", KILL, str(process.pid))
        wait_until(lambda: {running.predict(OURS).status_code for _ in range(8)} == {200}, 60, "answers again")
        wait_until(lambda: all(process.state != "Z" for process in running.processes()), what="no zombies")


def test_a_model_of_an_environment_of_the_images_is_served_by_it(running: Running, tmp_path: Path) -> None:
    """Fault 78: in containers."""
    made = json.loads(running.compose.compose("exec", "-T", "model_server", PYTHON, "-c", MAKE).stdout)
    assert made["version"] == "1.6.1"
    path = tmp_path / "theirs.joblib"
    path.write_bytes(base64.b64decode(made["model"]))
    assert running.serve(path, THEIRS)["runner_environment"] == ENVIRONMENT
    assert running.predict(THEIRS).json()["predict_proba"] == pytest.approx(made["probabilities"], abs=1e-9)


def test_both_services_end_in_time(running: Running, ours: dict[str, Any]) -> None:
    running.compose.compose("stop", "predict_api", "model_server")
    for service in ("predict_api", "model_server"):
        state = running.compose.inspect(service)["State"]
        assert isinstance(state, dict)
        assert state["ExitCode"] == 0, service

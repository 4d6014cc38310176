"""No process that listens, or has a token or a store key, has the libraries that models are made with.

Carries *safety*: what such a process has not imported, no artifact can call in it.
"""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.test_model_ends import acting
from tests.processes.predict_api import Instances
from tests.processes.up import launch
from tests.tiny_models import tiny
from tests.tree import ROOT
from tests.wire_stub import WireStub

LIBRARIES = ("sklearn", "scipy", "pandas", "joblib")
SECRETS = ("TOKEN", "ACCESS_KEY", "SECRET_KEY")
WORKER = """
import importlib, pkgutil, sys
import predict_api
for found in pkgutil.walk_packages(predict_api.__path__, "predict_api."):
    importlib.import_module(found.name)
# pyarrow imports cloudpickle where it is installed, and nothing of ours calls that
print([name for name in ("sklearn", "scipy", "pandas", "joblib", "pickle5") if name in sys.modules])
"""


def mapped(process: psutil.Process) -> set[str]:
    """The libraries of models whose files the process has mapped."""
    maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
    return {name for name in LIBRARIES if re.search(rf"/site-packages/{name}(\\.libs)?/", maps)}


def faces_others(process: psutil.Process) -> bool:
    """Whether it has a listening TCP socket, a token or a store key."""
    secrets = [name for name in process.environ() if any(secret in name for secret in SECRETS)]
    listens = any(connection.status == psutil.CONN_LISTEN for connection in process.net_connections("tcp"))
    return listens or bool(secrets)


def offenders(processes: list[psutil.Process]) -> dict[str, set[str]]:
    """The command lines of processes that face others and have libraries of models mapped."""
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):  # it has ended, or is a runner, which is not dumpable
            if faces_others(process) and (libraries := mapped(process)):
                found[" ".join(process.cmdline())] = libraries
    return found


def test_no_module_of_predict_api_imports_a_library_of_models() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_that_have_answered_have_no_library_of_models(stub: WireStub, instances: Instances) -> None:
    stub.roll("default", stub.publish("default", *tiny(1)))
    stub.roll("acts", stub.publish("acts", *acting()))
    api = instances.start(ALLOWED_GLOBALS="tests.integration.runner_models.Acts")
    assert api.predict().status_code == 200
    assert api.predict({"x0": 0, "x1": 0}, "/models/acts/predict").status_code == 200
    processes = api.processes()
    facing = [process for process in processes if faces_others(process)]
    assert len(facing) >= 3, "the master and two workers"
    assert offenders(processes) == {}
    with_libraries = [process for process in processes if "sklearn" in mapped_or_nothing(process)]
    assert with_libraries, "the zygote"


def mapped_or_nothing(process: psutil.Process) -> set[str]:
    """The same for a process that may not be readable: a runner is not dumpable."""
    try:
        return mapped(process)
    except (OSError, psutil.Error):
        return set()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_of_a_running_stack_that_faces_others_has_a_library_of_models(tmp_path: Path) -> None:
    stack = launch(tmp_path / "home")
    try:
        artifact = tmp_path / "model.joblib"
        artifact.write_bytes(tiny(1)[0])
        stack.client().publish(artifact, "segmentation", roll=True)
        processes = stack.processes()
        assert sum(faces_others(process) for process in processes) >= 5, "store, model_server, predict_api"
        assert offenders(processes) == {}
    finally:
        stack.stop()

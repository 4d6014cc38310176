"""The processes of one predict_api: killed workers, drains and failed starts; faults 51-53."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
import requests

from predict_api.preparation.prepare_loop import NICE
from tests import wire_stub
from tests.callers import Callers, none_stale
from tests.conftest import wait_until
from tests.processes.predict_api import Instances, PredictApi
from tests.processes.service import gone
from tests.tiny_models import tiny
from tests.wire_stub import WireStub


def test_a_killed_worker_is_replaced_by_one_that_has_the_current_version(stub: WireStub, instances: Instances) -> None:
    """Fault 53: until its successor has the version, no worker answers in its place."""
    api = instances.start()
    for number in (2, 3):
        stub.nexts["default"] = version = stub.publish("default", *tiny(number))
        wait_until(lambda version=version: len(stub.ready(version)) == 2)  # type: ignore[misc]
        stub.roll("default", version)
        victim = api.workers()[0].pid
        before = {worker.pid for worker in api.workers()}
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda before=before: {worker.pid for worker in api.workers()} - before)  # type: ignore[misc]

        def answers_well() -> bool:
            try:
                answers = [api.predict() for _ in range(6)]
            except requests.ConnectionError:
                return False  # the request was in the queue of the killed worker
            assert {answer.json()["prediction"] for answer in answers} == {number}  # noqa: B023 asked within the round
            return True

        wait_until(answers_well)
    assert len(api.workers()) == 2


def test_workers_that_die_again_and_again_never_end_the_instance(stub: WireStub, instances: Instances) -> None:
    api = instances.start()
    for _ in range(3):
        before = api.workers()
        for worker in before:
            worker.kill()
        gone = {worker.pid for worker in before}
        wait_until(lambda gone=gone: len({worker.pid for worker in api.workers()} - gone) == 2)  # type: ignore[misc]
    api.wait_until_it_answers()
    assert api.runs()
    wait_until(lambda: none_stale(api))


def test_sigterm_under_load_finishes_what_was_accepted_and_leaves(stub: WireStub, instances: Instances) -> None:
    """Fault 51: the exit code is 0."""
    api = instances.start()
    wait_until(lambda: len(stub.reports) == 2)
    names = set(stub.reports)
    with Callers(api, 4, may_be_refused=True) as callers:
        callers.until(lambda callers: len(callers.answers) > 50, "requests flow")
        assert api.end() == 0
    lost = [failure for failure in callers.failures if "RemoteDisconnected" not in failure and "reset" not in failure]
    assert lost == []
    wait_until(lambda: set(stub.left) == names, what="both workers have left")


def test_workers_end_with_their_master(stub: WireStub, instances: Instances) -> None:
    api = instances.start()
    workers = api.workers()
    assert len(workers) == 2
    assert api.end(signal.SIGKILL) != 0
    wait_until(lambda: gone(workers), what="no worker is left")


def test_sigterm_while_a_model_is_loading_ends_the_process_immediately(stub: WireStub, tmp_path: Path) -> None:
    """Fault 52: the process ends within the grace period."""
    requested = threading.Event()

    def never(exchange: wire_stub.Exchange) -> bool:
        requested.set()
        return wire_stub.silent(exchange)

    stub.on_artifact = never
    api = PredictApi(stub.url, tmp_path).launch()
    try:
        assert requested.wait(120)
        assert api.end() == 0
    finally:
        api.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PREDICT_PORT", "many"),
        ("WORKERS", "0"),
        ("MODEL_SERVER_URL", "model_server:5001"),
        ("DEFAULT_MODEL", "No Name"),
        ("MODELS", "a,B"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_ends_the_start_and_is_named(tmp_path: Path, setting: str, value: str) -> None:
    api = PredictApi("http://127.0.0.1:1", tmp_path, **{setting: value}).launch()
    assert api.wait() == 2
    assert setting in api.events("settings.invalid")[0]["reason"]


def test_a_port_that_is_taken_is_not_shared_with_another_instance(
    stub: WireStub, instances: Instances, tmp_path: Path
) -> None:
    api = instances.start(WORKERS="1")
    second = PredictApi(stub.url, tmp_path, PREDICT_PORT=str(api.port)).launch()
    assert second.wait() == 2
    assert "PREDICT_PORT" in second.events("settings.invalid")[0]["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_the_thread_that_prepares_comes_after_those_that_answer(stub: WireStub, instances: Instances) -> None:
    api = instances.start(WORKERS="1", THREADS="4")
    worker = api.workers()[0]

    def as_told() -> bool:
        stats = [path.read_text() for path in Path(f"/proc/{worker.pid}/task").glob("*/stat")]
        nice = [int(stat.rpartition(")")[2].split()[16]) for stat in stats]
        # the threads that it starts for computations have its low priority, that which counts or rehearses a lower one
        others = set(nice) - {worker.nice()}
        return min(others, default=0) == NICE and nice.count(worker.nice()) > 4

    wait_until(as_told, what="one patient thread beside those that answer")

"""Runners and their scorers, by real processes: forks that the pool permits, deadlines, crashes, confinement."""

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import msgspec
import numpy as np
import psutil
import pytest

from changeover.estimator.infer_schema import infer_schema
from changeover.exceptions import ScoringFailed
from changeover.manifest.manifest import Manifest
from model_runner.options import Preload
from model_runner.pool.client import HostClient, Scorer, VersionSource
from model_runner.pool.confinement import MEASURES
from model_runner.pool.exceptions import ModelCrashed, ModelOutOfMemory, ModelTimeout, NoRunner, NotPrepared
from model_runner.pool.host_messages import HostSettings
from model_runner.pool.zygotes import ZygoteSettings
from tests.conftest import wait_until
from tests.integration.runner_models import Acts
from tests.processes.service import gone

EXTRA = ["tests.integration.runner_models.Acts"]
ONE = [[0.0], [0.0]]  # one row of two columns


def a_version(estimator: object) -> VersionSource:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    content = buffer.getvalue()
    manifest = Manifest(
        model="acts",
        version=hashlib.sha256(content).hexdigest(),
        size=len(content),
        created_at="2026-01-01T00:00:00Z",
        schema=infer_schema(estimator).to_json(),
        estimator={"type": type(estimator).__name__, "kind": "other", "predict_proba": False},
    )
    return VersionSource(manifest, lambda: content)


OF_OTHER_FILES: set[int] = set()  # the process ids of hosts


@pytest.fixture(scope="module")
def settings() -> HostSettings:
    return HostSettings({"default": ZygoteSettings(sys.executable, Preload(EXTRA))}, memory_bytes=3 << 30)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, settings: HostSettings) -> HostClient:
    OF_OTHER_FILES.update(host.pid for host in hosts())
    client = HostClient(tmp_path_factory.mktemp("host") / "models", settings)
    client.begin()
    return client


@pytest.fixture(scope="module")
def version() -> VersionSource:
    return a_version(Acts().fit(np.zeros((3, 2))))


@pytest.fixture
def scorer(host: HostClient, version: VersionSource) -> Iterator[Scorer]:
    scorer = host.scorer(version)
    yield scorer
    scorer.close()


def act(scorer: Scorer, name: str, seconds: float = 20.0) -> object:
    """The label of a row whose first number has the model do `name`."""
    return scorer.score([[float(Acts.NAMES.index(name))], [0.0]], 1, seconds).labels[0]


def runners() -> list[psutil.Process]:
    """The runners and scorers of this process's hosts, not those of a stack that other tests keep."""
    found = []
    for host in hosts():
        for process in host.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                parents = [
                    parent for parent in process.parents() if "model_runner.zygote" in " ".join(parent.cmdline())
                ]
                if parents:
                    found.append(process)
    return found


def hosts() -> list[psutil.Process]:
    """The hosts that the tests of this file have started: those of other files end some seconds after these."""
    children = [child for child in psutil.Process().children() if child.pid not in OF_OTHER_FILES]
    return [child for child in children if "model_runner.pool.host" in " ".join(child.cmdline())]


def test_every_measure_holds_and_scores_come_back(scorer: Scorer) -> None:
    assert scorer.measures == dict.fromkeys(MEASURES, True)
    assert act(scorer, "nothing") == 0.0


def test_scorers_of_a_version_are_forks_of_one_runner(host: HostClient, version: VersionSource, scorer: Scorer) -> None:
    second = host.scorer(version)
    try:
        parents = {process.ppid() for process in runners() if process.ppid() in {other.pid for other in runners()}}
        assert len(parents) == 1
        assert act(second, "nothing") == act(scorer, "nothing")
    finally:
        second.close()


@pytest.mark.parametrize(
    "name", ["fork", "fork by clone", "run a program", "connect", "write a file", "read /etc/passwd", "read the parent"]
)
def test_a_scorer_may_do_nothing_but_compute(scorer: Scorer, name: str) -> None:
    before = {process.pid for process in runners()}
    with pytest.raises(ScoringFailed, match="PermissionError"):
        act(scorer, name)
    assert {process.pid for process in runners()} <= before


@pytest.mark.parametrize("name", ["fork", "fork by clone", "run a program", "write a file"])
def test_a_runner_that_loads_may_start_no_process_either(host: HostClient, name: str) -> None:
    model = Acts(on_load=name).fit(np.zeros((3, 2)))
    before = {process.pid for process in runners()}
    with pytest.raises(NotPrepared, match="PermissionError"):
        host.scorer(a_version(model))
    assert {process.pid for process in runners()} <= before


def test_one_that_hangs_is_killed_at_its_deadline_and_another_answers(host: HostClient, version: VersionSource) -> None:
    hanging, other = host.scorer(version), host.scorer(version)
    with pytest.raises(ModelTimeout, match="SCORE_TIMEOUT"):
        act(hanging, "hang", seconds=0.3)
    assert act(other, "nothing") == 0.0
    other.close()


def test_one_that_disarms_its_timer_is_killed_by_the_host(host: HostClient, version: VersionSource) -> None:
    hanging = host.scorer(version)
    before = {process.pid for process in runners()}
    with pytest.raises(ModelTimeout):
        act(hanging, "hang without a timer", seconds=0.3)
    wait_until(lambda: not before & {process.pid for process in runners()}, what="the end of the runner")
    again = host.scorer(version)
    assert act(again, "nothing") == 0.0
    again.close()


@pytest.mark.parametrize("name", ["exit", "crash", "abort"])
def test_one_that_dies_is_named(host: HostClient, version: VersionSource, name: str) -> None:
    dying = host.scorer(version)
    with pytest.raises(ModelCrashed):
        act(dying, name)
    again = host.scorer(version)
    assert act(again, "nothing") == 0.0
    again.close()


def test_one_that_grows_is_refused_the_memory(scorer: Scorer) -> None:
    """Faults 33 and 74: beyond RUNNER_MEMORY_BYTES."""
    with pytest.raises(ModelOutOfMemory, match="RUNNER_MEMORY_BYTES"):
        act(scorer, "grow")


@pytest.mark.parametrize("name", ["forge scores", "forge garbage", "forge a length"])
def test_what_is_no_answer_is_no_answer(host: HostClient, version: VersionSource, name: str) -> None:
    scorer = host.scorer(version)
    with pytest.raises(ModelCrashed):
        act(scorer, name)
    scorer.close()


def test_threads_are_bounded_whatever_n_jobs_says(scorer: Scorer) -> None:
    assert act(scorer, "count jobs") == 1


def test_a_version_that_fails_to_load_says_why(host: HostClient) -> None:
    with pytest.raises(NotPrepared, match="ZeroDivisionError"):
        host.scorer(a_version(Acts(on_load="raise").fit(np.zeros((3, 2)))))


def policies() -> set[int]:
    """The scheduling policies of all threads of the runners and scorers."""
    found = set()
    for process in runners():
        with contextlib.suppress(psutil.NoSuchProcess):
            for thread in process.threads():
                with contextlib.suppress(ProcessLookupError):
                    found.add(os.sched_getscheduler(thread.id))
    return found


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no such policy")
def test_a_gentle_preparation_that_gets_no_processor_is_begun_again(host: HostClient) -> None:
    version = a_version(Acts(on_load="hang while idle").fit(np.zeros((3, 2))))
    with ThreadPoolExecutor(1) as pool:
        requested = pool.submit(host.scorer, version, gently=True)
        wait_until(lambda: os.SCHED_IDLE in policies(), what="a preparation of the lowest priority")
        scorer = requested.result()
    assert act(scorer, "nothing") == 0.0
    assert os.SCHED_IDLE not in policies()
    scorer.close()


def test_an_environment_that_is_not_there_is_named(host: HostClient) -> None:
    known = a_version(Acts().fit(np.zeros((4, 3))))
    manifest = msgspec.structs.replace(known.manifest, runner_environment="old")
    with pytest.raises(NotPrepared, match="'old'"):
        host.scorer(VersionSource(manifest, known.artifact))


def test_a_killed_zygote_and_a_killed_host_are_replaced(
    tmp_path: Path, settings: HostSettings, version: VersionSource
) -> None:
    others = set(hosts())
    client = HostClient(tmp_path / "models", settings)
    client.begin()
    scorer = client.scorer(version)
    (host,) = set(hosts()) - others
    for victim in (host.children()[0], host):
        ended = [victim, *victim.children(recursive=True)]
        victim.kill()
        wait_until(lambda ended=ended: gone(ended), 30, "the end of what was killed, and of all below it")
        with pytest.raises(ModelCrashed):
            act(scorer, "nothing")
        scorer.close()
        scorer = client.scorer(version)
        assert act(scorer, "nothing") == 0.0
    scorer.close()


def test_required_measures_that_do_not_hold_start_no_runner(tmp_path: Path, version: VersionSource) -> None:
    settings = HostSettings(
        {"default": ZygoteSettings(sys.executable, Preload(EXTRA))},
        memory_bytes=3 << 30,
        required=["rlimits", "landlock", "not_here"],
    )
    client = HostClient(tmp_path / "models", settings)
    client.begin()
    with pytest.raises(NoRunner, match="not_here"):
        client.scorer(version)

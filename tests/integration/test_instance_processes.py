"""The processes of one instance of predict_api: which there are, what they share, and that none remains."""

import hashlib
import io
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import psutil
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from changeover.estimator.infer_schema import infer_schema
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from model_runner.pool.client import HostClient, VersionSource
from model_runner.pool.host_messages import HostSettings
from model_runner.pool.processes import HostProcess
from predict_api.scoring.runner_scorer import ScoreLimits
from predict_api.scoring.runners import Runners
from predict_api.scoring.scorer_pool import IDLE_SECONDS
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.processes.service import gone, lives
from tests.tiny_models import tiny
from tests.wire_stub import WireStub


def a_version(number: int) -> VersionSource:
    content, manifest = tiny(number)
    return VersionSource(
        Manifest(
            model="tiny",
            version=hashlib.sha256(content).hexdigest(),
            size=len(content),
            created_at="2026-01-01T00:00:00Z",
            schema=manifest["schema"],  # type: ignore[arg-type]
            estimator=manifest["estimator"],  # type: ignore[arg-type]
            classes=manifest["classes"],  # type: ignore[arg-type]
        ),
        lambda: content,
    )


def host_settings(**changes: object) -> HostSettings:
    return HostSettings({}, 3 << 30, **changes)  # type: ignore[arg-type]


def below(process: psutil.Process, module: str) -> list[psutil.Process]:
    """The processes below `process` that run `module`, without those that such a process forked."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                found += [child] if module in child.cmdline() and lives(child) else below(child, module)
    return found


def runners(process: psutil.Process) -> list[psutil.Process]:
    """The runners below `process`; their children are their scorers."""
    zygotes = below(process, "model_runner.zygote")
    return [runner for zygote in zygotes for runner in zygote.children() if lives(runner)]


def runners_of(client: HostClient | Runners) -> list[psutil.Process]:
    """The runners of the host that `client` uses, which this process has started."""
    path = str((client.client if isinstance(client, Runners) else client).path)
    for host in below(psutil.Process(), "model_runner.pool.host"):
        if any(connection.laddr == path for connection in host.net_connections("unix")):
            return runners(host)
    return []


def first(api: PredictApi) -> psutil.Process:
    assert api.process is not None
    return psutil.Process(api.process.pid)


def sigterm_to_first(api: PredictApi) -> None:
    first(api).terminate()


def sigkill_to_first(api: PredictApi) -> None:
    first(api).kill()


def sigterm_to_the_group(api: PredictApi) -> None:
    """As a terminal or an init system does it. The group of a test is its own, too: so each member for itself."""
    group = os.getpgid(first(api).pid)
    for process in api.processes():
        if os.getpgid(process.pid) == group:
            process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("end", [sigterm_to_first, sigkill_to_first, sigterm_to_the_group])
def test_no_process_is_left_after_an_instance_ends(
    stub: WireStub, tmp_path: Path, end: Callable[[PredictApi], None]
) -> None:
    with PredictApi(stub.url, tmp_path) as api:
        assert api.predict().json()["prediction"] == 1
        processes = api.processes()
        assert len(runners(first(api))) == 1
        end(api)
        api.wait()
        wait_until(lambda: gone(processes), 30, "the end of every process")


def test_workers_share_the_runner_of_a_version_and_a_roll_ends_it(stub: WireStub, tmp_path: Path) -> None:
    """Two workers prepare each version at the same time. A runner ends half a minute after its last scorer."""
    with PredictApi(stub.url, tmp_path, WORKERS="2") as api:
        (old,) = runners(first(api))
        wait_until(lambda: len(old.children()) == 2, what="a scorer for each worker")
        stub.roll("default", stub.publish("default", *tiny(2)))
        wait_until(lambda: api.predict().json()["prediction"] == 2, what="an answer of the new version")
        wait_until(lambda: gone([old]), 60, "the end of the old version's runner")
        (new,) = runners(first(api))
        wait_until(lambda: len(new.children()) == 2, what="a scorer for each worker")


def test_only_this_user_can_enter_the_directory_of_the_host(stub: WireStub, tmp_path: Path) -> None:
    with PredictApi(stub.url, tmp_path, WORKERS="1") as api:
        (host,) = below(first(api), "model_runner.pool.host")
        (path,) = {connection.laddr for connection in host.net_connections("unix") if connection.laddr}
        for directory in (Path(path).parent, Path(path).parent.parent):
            state = directory.stat()
            assert (state.st_uid, stat.S_IMODE(state.st_mode)) == (os.getuid(), 0o700), directory


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_zygote_that_starts_before_the_settings_are_read_obeys_them(
    stub: WireStub, tmp_path: Path, threads: str
) -> None:
    """Its threads are fixed at its start: with another number of them it is ended, and another one starts."""
    with PredictApi(stub.url, tmp_path, WORKERS="1", RUNNER_THREADS=threads) as api:
        assert api.predict().json()["prediction"] == 1
        (zygote,) = below(first(api), "model_runner.zygote")
        assert ("early" in zygote.cmdline()) is (threads == "1")
        assert zygote.environ()["OMP_NUM_THREADS"] == threads
        assert len(zygote.children()) == 1


def test_a_host_without_settings_ends(tmp_path: Path) -> None:
    """As when a setting of its instance is invalid."""
    host, path = HostProcess(tmp_path / "models"), tmp_path / "models" / "host.sock"
    (process,) = (child for child in psutil.Process().children() if str(path) in addresses(child))
    wait_until(lambda: below(process, "model_runner.zygote"), what="its zygote")
    (zygote,) = below(process, "model_runner.zygote")
    host.abandon()
    wait_until(lambda: gone([process, zygote]), what="the end of both")


def addresses(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return [str(connection.laddr) for connection in process.net_connections("unix")]
    return []


def test_two_workers_that_prepare_a_version_load_it_once(tmp_path: Path) -> None:
    source = a_version(1)
    loads: list[int] = []
    together = threading.Barrier(2)

    def artifact() -> bytes:
        loads.append(1)
        return source.artifact()

    clients = [HostClient(tmp_path / "models", host_settings()) for _ in range(2)]
    for client in clients:
        client.begin()

    def scorer_of(client: HostClient):  # type: ignore[no-untyped-def]
        together.wait()
        return client.scorer(VersionSource(source.manifest, artifact))

    with ThreadPoolExecutor(2) as pool:
        scorers = list(pool.map(scorer_of, clients))
    assert len(loads) == 1
    assert [scorer.score([[1.0], [2.0]], 1, 20.0).labels for scorer in scorers] == [[1], [1]]
    for scorer in scorers:
        scorer.close()


def test_a_scorer_that_is_idle_for_half_a_minute_ends_unless_it_is_kept(tmp_path: Path) -> None:
    sources = [a_version(number) for number in (1, 2)]
    own = Runners(tmp_path, HostClient(tmp_path / "models", host_settings()), ScoreLimits(20.0, 4))
    own.begin()
    kept, other = (
        own.version(source.manifest, source.artifact, kept=1 - place) for place, source in enumerate(sources)
    )
    for version in (kept, other):
        version.pool.start()
    time = now()
    scorers = [child for runner in runners_of(own) for child in runner.children()]
    assert len(scorers) == 2
    own.idle.run_once(time + IDLE_SECONDS - 1)
    assert not any(gone([scorer]) for scorer in scorers)
    own.idle.run_once(time + IDLE_SECONDS)
    wait_until(lambda: [gone([scorer]) for scorer in scorers].count(True) == 1, what="the end of the one")
    assert kept.scorer.score_now({"a": [1.0], "b": [2.0]}, 1, 20.0).labels == [1]
    assert other.scorer.score_now({"a": [1.0], "b": [2.0]}, 1, 20.0).labels == [2]  # its runner forks another
    own.stop()
    for version in (kept, other):
        version.pool.close()


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root of Linux sees this memory")
def test_a_second_worker_shares_the_memory_of_a_forest(tmp_path: Path) -> None:
    """Proportional set sizes: a page that n processes share counts as an nth in each."""
    numbers = np.random.default_rng(0)
    features = numbers.normal(size=(40_000, 3))
    forest = ExtraTreesClassifier(30, random_state=0).fit(features, numbers.integers(0, 2, 40_000))
    buffer = io.BytesIO()
    joblib.dump(forest, buffer)
    content = buffer.getvalue()
    assert len(content) > 100e6
    manifest = Manifest(
        model="forest",
        version=hashlib.sha256(content).hexdigest(),
        size=len(content),
        created_at="2026-01-01T00:00:00Z",
        schema=infer_schema(forest).to_json(),
        estimator={"type": "ExtraTreesClassifier", "kind": "classifier", "predict_proba": True},
        classes=[0, 1],
    )
    client = HostClient(tmp_path / "models", host_settings())
    client.begin()
    columns = features[:200].T.tolist()

    def memory() -> int:
        (runner,) = runners_of(client)
        return sum(process.memory_full_info().pss for process in [runner, *runner.children()])

    worker = client.scorer(VersionSource(manifest, lambda: content))
    labels = worker.score(columns, 200, 60.0).labels
    alone = memory()
    second = client.scorer(VersionSource(manifest, lambda: content))
    assert second.score(columns, 200, 60.0).labels == labels
    both = memory()
    for scorer in (worker, second):
        scorer.close()
    assert both - alone < 0.25 * len(content), (alone, both)

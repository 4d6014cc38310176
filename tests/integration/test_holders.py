"""Model processes as workers use them: one process a version, the bytes hashed again, and requests that break off.

Carries *safety* ("hash that buffer, load that buffer", in the model process too).
"""

import threading
from pathlib import Path

import psutil
import pytest
from predict_api.model_process.client import ModelProcesses, NotPrepared, VersionBytes
from predict_api.model_process.messages import ScoreRequest, receive, send
from predict_api.model_process.remote_scorer import SharedVersion
from predict_api.scoring.loading import LoadSettings

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from predict_api.exceptions import ArtifactUnavailable
from tests.conftest import wait_until
from tests.integration.test_shared_versions import HOLDER
from tests.processes.service import lives
from tests.tiny_models import tiny
from tests.wire_stub import WireStub


def described(buffer: bytes) -> Manifest:
    stub = WireStub()
    version = stub.publish("default", buffer, tiny(1)[1])
    return Manifest.from_json(stub.manifests["default", version])


def no_twin(expected: str) -> bytes:
    raise ArtifactUnavailable(expected)


def giving(buffer: bytes) -> VersionBytes:
    return VersionBytes(lambda: buffer, no_twin)


def worker(directory: Path) -> ModelProcesses:
    processes = ModelProcesses(directory / "holders", LoadSettings(), "info")
    processes.begin()
    return processes


def of_this_test() -> list[psutil.Process]:
    return [process for process in psutil.Process().children() if lives(process) and HOLDER in process.cmdline()]


@pytest.fixture
def manifest() -> Manifest:
    return described(tiny(1)[0])


def test_concurrent_workers_share_one_model_process_and_one_copy_of_the_bytes(
    tmp_path: Path, manifest: Manifest
) -> None:
    downloads: list[int] = []
    versions: list[SharedVersion] = []

    def artifact() -> bytes:
        downloads.append(1)
        return tiny(1)[0]

    def join(holders: ModelProcesses) -> None:
        bytes_of = VersionBytes(artifact, no_twin)
        versions.append(SharedVersion(holders, manifest, bytes_of, bytes_of))

    threads = [threading.Thread(target=join, args=(worker(tmp_path),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(versions), len(downloads), len(of_this_test())) == (8, 1, 1)
    with versions[0].scorer() as scorer:
        send(scorer, ScoreRequest(by_twin=False, rows=2, columns=[[1.5, 2.5], [2.0, 3.0]]))
        answer = receive(scorer)
    assert isinstance(answer, Scores)
    assert answer.labels == [1, 1]
    for version in versions:
        version.close()
    wait_until(lambda: not of_this_test(), what="the holder has ended")


def test_a_model_process_hashes_the_bytes_that_it_gets(tmp_path: Path, manifest: Manifest) -> None:
    with pytest.raises(NotPrepared, match=f"expected SHA-256 {manifest.version}"):
        worker(tmp_path).join(manifest, giving(tiny(2)[0]))
    wait_until(lambda: not of_this_test(), what="the holder has ended")


def test_a_worker_that_cannot_give_the_bytes_is_followed_by_the_next(tmp_path: Path, manifest: Manifest) -> None:
    requested, other_came = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def late() -> bytes:
        requested.set()
        other_came.wait(60)
        raise ArtifactUnavailable("model_server is away")

    def join() -> None:
        try:
            worker(tmp_path).join(manifest, VersionBytes(late, no_twin))
        except ArtifactUnavailable as error:
            failures.append(error)

    first = threading.Thread(target=join)
    first.start()
    assert requested.wait(60)
    threading.Timer(0.2, other_came.set).start()
    connection, has_twin = worker(tmp_path).join(manifest, giving(tiny(1)[0]))
    first.join(60)
    assert (len(failures), has_twin, len(of_this_test())) == (1, False, 1)
    connection.close()
    wait_until(lambda: not of_this_test(), what="the holder has ended")


def test_a_model_process_that_is_killed_at_each_load_is_reported_so(tmp_path: Path, manifest: Manifest) -> None:
    """As when memory runs out; a worker that loaded the model itself would be killed next."""
    tries: list[int] = []

    def fatal() -> bytes:
        tries.append(1)
        for process in of_this_test():
            process.kill()
        return tiny(1)[0]

    with pytest.raises(NotPrepared, match="is there memory for it"):
        worker(tmp_path).join(manifest, VersionBytes(fatal, no_twin))
    assert len(tries) == 3

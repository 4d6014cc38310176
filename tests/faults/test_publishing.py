"""Publishers that race, disconnect, repeat a publish or meet a full disk."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from changeover import digest
from tests.conftest import wait_until
from tests.fault_proxy import Fault, FaultProxy
from tests.faults.pair import MODEL, heavy
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "faults-publishing", tmp_path_factory.mktemp("publishing")) as server:
        yield server
        assert server.end() == 0


@pytest.fixture
def proxy(server: ModelServer) -> Iterator[FaultProxy]:
    """A proxy between a publisher and model_server."""
    with FaultProxy(("127.0.0.1", server.port)) as proxy:
        yield proxy


def publish_through(proxy: FaultProxy, body: bytes) -> requests.Response:
    headers = {"Authorization": f"Bearer {PUBLISH_TOKEN}", "Content-Type": "application/octet-stream"}
    return requests.post(f"{proxy.url}/models/{MODEL}/versions", data=body, headers=headers, timeout=60)


def publish_in_vain(proxy: FaultProxy, body: bytes) -> None:
    with pytest.raises(requests.ConnectionError):
        publish_through(proxy, body)


def spooled(server: ModelServer) -> list[Path]:
    return list((server.folder / "spool").glob("upload-*"))


def is_there(server: ModelServer, body: bytes) -> bool:
    return server.get(f"/models/{MODEL}/versions/{digest.sha256(body)}").status_code == 200


def test_two_concurrent_publishes_are_two_versions_or_one_by_their_bytes(server: ModelServer) -> None:
    """Fault 37: two different artifacts are both stored, equal ones once."""
    bodies = [heavy(11), heavy(12), heavy(12)]
    barrier = threading.Barrier(len(bodies))
    answers: list[tuple[int, str]] = []

    def publish(body: bytes) -> None:
        barrier.wait()
        answer = server.publish(body)
        answers.append((answer.status_code, answer.json()["version"]))

    threads = [threading.Thread(target=publish, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} <= {200, 201}
    assert sorted(version for _, version in answers) == sorted(digest.sha256(body) for body in bodies)
    listed = [entry["version"] for entry in server.get(f"/models/{MODEL}/versions").json()["versions"]]
    assert sorted(listed) == sorted({digest.sha256(body) for body in bodies})


def test_a_publisher_that_vanishes_half_way_leaves_nothing(server: ModelServer, proxy: FaultProxy) -> None:
    """Fault 38: no version and no spooled file is left, and a retry succeeds."""
    body = heavy(13)
    proxy.requests = Fault(hang_at=len(body) // 2)
    publisher = threading.Thread(target=publish_in_vain, args=(proxy, body))
    publisher.start()
    wait_until(lambda: spooled(server), what="the first half's arrival")
    proxy.break_off()
    publisher.join(20)
    wait_until(lambda: not spooled(server), what="the spool's clearing")
    assert not is_there(server, body)
    proxy.heal()
    assert publish_through(proxy, body).status_code == 201


def test_a_publish_whose_answer_was_lost_may_be_repeated(server: ModelServer, proxy: FaultProxy) -> None:
    """Faults 39 and 40: the same bytes are the same version, whether the first answer arrived or not."""
    body = heavy(14)
    proxy.answers = Fault(reset_at=1)
    with pytest.raises(requests.ConnectionError):
        publish_through(proxy, body)
    wait_until(lambda: is_there(server, body), what="the version whose answer was lost")
    proxy.heal()
    for _ in range(2):
        again = publish_through(proxy, body)
        assert (again.status_code, again.json()["version"]) == (200, digest.sha256(body))


def test_what_is_unknown_cannot_be_rolled(server: ModelServer) -> None:
    """Fault 41: an unknown digest is a 404 that names the list of versions."""
    answer = server.roll("0" * 64)
    assert answer.status_code == 404
    assert "/versions" in answer.json()["detail"]


def test_a_publish_that_does_not_fit_on_the_disk_is_a_507_and_leaves_nothing(server: ModelServer) -> None:
    """Fault 46: the spool is full (files may grow to 50 kB only); with space again, the same publish succeeds."""
    assert server.process is not None
    worker = psutil.Process(server.process.pid).children()[0]
    before = worker.rlimit(psutil.RLIMIT_FSIZE)
    worker.rlimit(psutil.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        answer = server.publish(heavy(15))
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:changeover:no-room")
        assert spooled(server) == []
    finally:
        worker.rlimit(psutil.RLIMIT_FSIZE, before)
    assert server.publish(heavy(15)).status_code == 201

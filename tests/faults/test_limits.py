"""Scarce resources: descriptors, disk space, readers of the log, threads for slow senders, freshness checks."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from predict_api.settings import PredictSettings
from tests.callers import Callers, none_stale
from tests.conftest import wait_until
from tests.faults.pair import MODEL, Pair
from tests.processes.predict_api import Instances, PredictApi
from tests.tiny_models import ROW
from tests.wire_stub import WireStub


@contextlib.contextmanager
def limited(process: psutil.Process, kind: int, most: int) -> Iterator[None]:
    """Limit `process` to `most` of a resource within the block."""
    before = process.rlimit(kind)
    process.rlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        process.rlimit(kind, before)


def idle_connections(port: int, number: int) -> list[socket.socket]:
    """Connections that send nothing; fewer than `number` if the server accepts no more."""
    connections = []
    for _ in range(number):
        with contextlib.suppress(OSError):
            connections.append(socket.create_connection(("127.0.0.1", port), timeout=2))
    return connections


def test_out_of_descriptors_neither_service_dies_and_both_recover(pair: Pair) -> None:
    """Fault 50: 64 descriptors and 100 silent connections; when these are closed, answers are confirmed again."""
    pair.start()
    processes = [pair.api.workers()[0], pair.server_worker()]
    ports = [int(pair.api.url.rsplit(":", 1)[1]), pair.server.port]
    with contextlib.ExitStack() as limits:
        for process in processes:
            limits.enter_context(limited(process, psutil.RLIMIT_NOFILE, 64))
        held = [connection for port in ports for connection in idle_connections(port, 100)]
        wait_until(lambda: all(process.num_fds() >= 60 for process in processes), what="the limit's reach")
        for connection in held:
            connection.close()
        wait_until(lambda: pair.answers(1), 40, what="confirmed answers")
        assert pair.server.get("/readyz").status_code == 200
    assert [pair.api.workers()[0], pair.server_worker()] == processes
    pair.publish(2)
    assert pair.roll(2)


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler (`cc`)")
def test_a_full_disk_takes_cache_and_log_but_no_answer(pair: Pair, tmp_path: Path) -> None:
    """Fault 46: no file of predict_api can grow; a roll needs no cache, and answers need no log."""
    library, full = tmp_path / "full_disk.so", tmp_path / "full"
    source = Path(__file__).with_name("full_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    pair.start(LOG_LEVEL="debug", LD_PRELOAD=str(library), DISK_IS_FULL=str(full))
    version = pair.publish(2)
    full.touch()
    log = pair.api.log
    assert pair.roll(2)
    assert not (pair.cache / MODEL / f"{version}.joblib").exists()
    for _ in range(40):
        assert pair.answers(2)
    written = pair.api.log
    full.unlink()
    assert pair.answers(2)
    wait_until(lambda: len(pair.api.log) > len(written), what="a log that goes on")
    assert len(written) - len(log) < 10_000, "lines that were under way when the disk was full"


def test_a_log_without_a_reader_blocks_no_request(stub: WireStub, tmp_path: Path) -> None:
    """Fault 64: stderr is a full pipe; read again, it reports in order how many lines are missing."""
    service = PredictApi(stub.url, tmp_path, WORKERS="1", LOG_LEVEL="debug")
    service.errors = subprocess.PIPE
    api = service.launch().process
    assert api is not None
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        service.wait_until_it_answers()
        for number in range(1000):  # some 400 kB of log into a pipe of 64 kB
            headers = {"Content-Type": "application/json", "X-Request-Id": f"n-{number}"}
            connection.request("POST", "/predict", json.dumps(ROW), headers)
            answer = connection.getresponse()
            assert (answer.status, b"model_version" in answer.read()) == (200, True)
        connection.close()
        assert api.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(line.decode() for line in api.stderr))  # type: ignore[union-attr]
        reader.start()
        wait_until(lambda: any('"n-999"' in line for line in lines), what="the last request's line")
        order = [int(match[1]) for line in lines if (match := re.search(r'"request_id": "n-(\d+)"', line))]
        assert order == list(range(1000))
    finally:
        assert service.end() == 0
    reader.join(10)


def test_senders_that_stall_hold_no_thread(stub: WireStub, instances: Instances) -> None:
    """Faults 58 and 67: more slow heads and stalled bodies than a worker has threads."""
    api = instances.start(WORKERS="1", THREADS="4", IDLE_SECONDS="5", BODY_SECONDS="5")
    port = int(api.url.rsplit(":", 1)[1])
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    heads = idle_connections(port, 30)
    bodies = idle_connections(port, 40)
    for sender in heads:
        sender.sendall(head)
    for sender in bodies:
        sender.sendall(head + b"Content-Length: 50\r\n\r\n{")
    wait_until(lambda: none_stale(api), what="confirmed answers")
    with Callers(api, 4) as callers:
        callers.until(lambda callers: len(callers.answers) > 100, "answers beside senders that stall")
    assert callers.failures == []
    for sender in (*heads, *bodies):
        sender.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            while sender.recv(1000):
                pass
        sender.close()


def test_idle_connections_cost_no_answer_and_may_ask_again(stub: WireStub, instances: Instances) -> None:
    """Fault 58: 200 idle kept-alive connections, more than there are threads, delay no request."""
    api = instances.start(WORKERS="2", THREADS="4")
    port = int(api.url.rsplit(":", 1)[1])
    pooled = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(200)]
    for connection in pooled:
        assert status_of(connection) == 200
    wait_until(lambda: none_stale(api), what="confirmed answers")
    with Callers(api, 4) as callers:
        callers.until(lambda callers: len(callers.answers) > 100, "answers beside idle connections")
    assert callers.failures == []
    sockets = [connection.sock for connection in pooled]
    for connection in pooled:
        assert status_of(connection) == 200
    assert [connection.sock for connection in pooled] == sockets  # the same connections: none was closed as idle
    for connection in pooled:
        connection.close()


def status_of(connection: http.client.HTTPConnection) -> int:
    connection.request("POST", "/predict", json.dumps(ROW), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_connection_is_closed_when_it_was_idle_for_too_long(stub: WireStub, instances: Instances) -> None:
    """Fault 58: after IDLE_SECONDS, which are longer than the usual pause of a client with a pool."""
    assert PredictSettings.model_fields["idle_seconds"].default >= 60
    api = instances.start(WORKERS="1", IDLE_SECONDS="1")
    port = int(api.url.rsplit(":", 1)[1])
    pooled = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    assert status_of(pooled) == 200
    assert pooled.sock.recv(1) == b""
    pooled.close()


def test_a_herd_at_a_switch_costs_one_download_and_few_checks(pair: Pair) -> None:
    """Fault 23: 200 clients and 4 workers during a roll; the test counts checks and downloads."""
    pair.start(WORKERS="4", QUEUE_SECONDS="50")  # a slow machine sheds no load
    version = pair.publish(2)
    before = checks(pair)
    failures: list[str] = []
    answered: list[int] = []
    start = threading.Barrier(201)

    def client() -> None:
        start.wait(60)
        with requests.Session() as session:
            for _ in range(5):
                answer = session.post(f"{pair.api.url}/predict", json=ROW, timeout=60)
                # stale or not: an overloaded machine may check too late
                if answer.status_code == 200:
                    answered.append(answer.json()["prediction"])
                else:
                    failures.append(f"{answer.status_code} {answer.text}")

    threads = [threading.Thread(target=client) for _ in range(200)]
    for thread in threads:
        thread.start()
    start.wait(60)
    assert pair.roll(2)
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert len(answered) == 1000
    assert checks(pair) - before < len(answered) / 4
    # workers that could not report on an overloaded machine are not waited for: they may fetch the version only now
    wait_until(lambda: pair.answers(2), what="confirmed answers of the second version")
    downloads = [line for line in pair.server.log.splitlines() if f"{version}/artifact" in line]
    assert len(downloads) == 1


def checks(pair: Pair) -> float:
    """The number of freshness checks that model_server has answered."""
    lines = pair.server.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("changeover_server_checks_total{"))

"""The stack that is tortured: a store, model_server and three instances of predict_api, each behind a wire of its own.

Each part can be killed, paused and started again; a part that is killed takes all its processes with it, as a container
does. A process ends with the thread that started it, so each part has a thread that stays for that.
"""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import psutil
import requests

from changeover.process.clock import now
from tests.conftest import port_that_is_free, wait_until
from tests.fault_proxy import FaultProxy
from tests.integration.server_process import REPORT_TOKEN, ServerProcess
from tests.integration.stores import Store
from tests.predict_process import PredictApi

MODEL: Final = "torture"
INSTANCES: Final = 3
WORKERS: Final = 2
START_S: Final = 60.0
_RESET_S: Final = 0.3  # within which everybody who was connected to a killed worker has been reset

T = TypeVar("T")


class Part:
    """What all parts have: a thread that starts their processes, and signals to all of them."""

    def __init__(self) -> None:
        self._starter = ThreadPoolExecutor(1)
        self.pid = 0

    def _from_a_thread_that_stays(self, start: Callable[[], T]) -> T:
        return self._starter.submit(start).result()

    def processes(self) -> list[psutil.Process]:
        """The first process and its workers."""
        try:
            first = psutil.Process(self.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    @contextlib.contextmanager
    def paused(self, one_of_them: random.Random | None = None) -> Iterator[None]:
        """SIGSTOP to all processes, or to one worker; SIGCONT at the end."""
        chosen = self.processes()
        if one_of_them is not None and len(chosen) > 1:
            chosen = [one_of_them.choice(chosen[1:])]
        _signal(chosen, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(chosen, signal.SIGCONT)

    def close(self) -> None:
        """Let the starting thread go; every process must have ended."""
        self._starter.shutdown()


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class StorePart(Part):
    """The store."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def start(self) -> None:
        """Begin a life; returns when it answers."""
        self._from_a_thread_that_stays(self.store.start)
        assert self.store.process is not None
        self.pid = self.store.process.pid

    def kill(self) -> None:
        """SIGKILL."""
        self.store.kill()


class ServerPart(Part):
    """model_server, which reaches its store over a wire."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.process = server

    def start(self) -> None:
        """Begin a life; returns when it listens, whether or not it has reached its store."""
        self._from_a_thread_that_stays(lambda: self.process.start(ready=False))
        assert self.process.process is not None
        self.pid = self.process.process.pid
        assert self.process.process.poll() is None, self.process.log[-2000:]

    def kill(self) -> None:
        """SIGKILL to all its processes at once: a worker that went on would be a second pointer."""
        processes = self.processes()
        _signal(processes, signal.SIGKILL)
        self.process.end(signal.SIGKILL)
        psutil.wait_procs(processes, timeout=20)

    def kill_worker(self) -> None:
        """SIGKILL to the process that serves; the first one starts another. Returns when that one listens."""
        workers = self.processes()[1:]
        _signal(workers, signal.SIGKILL)
        psutil.wait_procs(workers, timeout=20)
        wait_until(lambda: self.process.answers("/livez"), START_S, "another worker of model_server")

    def end(self) -> None:
        """SIGTERM, as `docker compose restart` sends it."""
        self.process.end()


class Instance(Part):
    """One instance of predict_api with its workers, its cache, and its wire to model_server."""

    def __init__(self, server_port: int, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True)
        self.wire = FaultProxy(("127.0.0.1", server_port))
        self.port = port_that_is_free()
        self._folder = folder
        self._api: PredictApi | None = None
        self._away: list[tuple[float, float, bool]] = []  # from, until, by SIGKILL
        self._lock = threading.Lock()

    def was_away(self, since: float) -> bool:
        """Whether it, or a worker of it, was killed or told to end at any moment from `since` on."""
        with self._lock:
            return any(until >= since for _, until, _ in self._away[-3:])

    def was_killed(self, since: float) -> bool:
        """The same, but by SIGKILL alone."""
        with self._lock:
            return any(until >= since and killed for _, until, killed in self._away[-3:])

    def start(self) -> None:
        """Begin a life; returns when a worker of it listens."""
        settings = {"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": MODEL, "WORKERS": str(WORKERS)}
        self._api = self._from_a_thread_that_stays(
            lambda: PredictApi(self.port, self.wire.url, self._folder, **settings)
        )
        self.pid = self._api.process.pid
        wait_until(self._listens, START_S, f"the instance of predict_api at port {self.port}")
        self._is_back()

    def _listens(self) -> bool:
        assert self._api is not None
        assert self._api.process.poll() is None, self._api.text()[-2000:]
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def workers(self) -> set[int]:
        """The process ids of its workers."""
        return {process.pid for process in self.processes()[1:]}

    def kill_worker(self, choices: random.Random) -> None:
        """SIGKILL to one worker; the first process starts another. Returns when that one listens."""
        self._leaves(float("inf"), killed=True)  # with the other one killed as well, nobody would listen here
        victim = choices.choice(self.processes()[1:])
        _signal([victim], signal.SIGKILL)
        wait_until(lambda: len(self._listening() - {victim.pid}) == WORKERS, START_S, "a worker")
        self._is_back()

    def _listening(self) -> set[int]:
        """The process ids of the workers that take connections."""
        found = set()
        for process in self.processes()[1:]:
            with contextlib.suppress(psutil.Error):
                if any(each.status == psutil.CONN_LISTEN for each in process.net_connections("tcp")):
                    found.add(process.pid)
        return found

    def _is_back(self) -> None:
        with self._lock:
            if self._away:
                began, _, killed = self._away[-1]
                self._away[-1] = (began, now() + _RESET_S, killed)

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        self._leaves(float("inf"), killed=True)
        processes = self.processes()
        _signal(processes, signal.SIGKILL)
        psutil.wait_procs(processes, timeout=20)
        self._reap()

    def end(self) -> None:
        """SIGTERM: it answers what it has accepted, and ends with 0."""
        self._leaves(float("inf"), killed=False)
        os.kill(self.pid, signal.SIGTERM)
        assert self._reap() == 0, f"predict_api did not end with 0: {self._api and self._api.text()[-2000:]}"

    def _leaves(self, until: float, *, killed: bool) -> None:
        with self._lock:
            self._away.append((now(), until, killed))

    def _reap(self) -> int:
        assert self._api is not None
        return self._api.process.wait(40)


class Stack:
    """All of it."""

    def __init__(self, folder: Path, store: str) -> None:
        self.store = StorePart(Store(store, folder / "store"))
        self.store_wire = FaultProxy(("127.0.0.1", self.store.store.port))
        settings = {
            "AWS_ENDPOINT_URL_S3": self.store_wire.url,
            "DEFAULT_MODEL": MODEL,
            "PREPARE_TIMEOUT": "10",
            "STORE_TIMEOUT": "5",
            "RUNTIME": "onnx",
        }
        self.server = ServerPart(ServerProcess(self.store.store, "models", folder / "server", settings))
        self.instances = [
            Instance(self.server.process.port, folder / f"predict-{number}") for number in range(INSTANCES)
        ]

    def start(self) -> None:
        """Start the store and model_server."""
        self.store.start()
        self.server.start()
        wait_until(lambda: self.server.process.answers("/readyz"), START_S, "model_server's /readyz")

    def start_instances(self, first: Callable[[], None]) -> None:
        """Start predict_api, all instances at once, and meanwhile do `first`; returns when each instance can answer."""
        with ThreadPoolExecutor(INSTANCES) as starting:
            started = [starting.submit(instance.start) for instance in self.instances]
            first()
            for each in started:
                each.result()

    def close(self) -> None:
        """End everything."""
        for part in [*self.instances, self.server, self.store]:
            processes = part.processes()
            _signal(processes, signal.SIGKILL)
            psutil.wait_procs(processes, timeout=20)
            part.close()
        for wire in [self.store_wire, *(instance.wire for instance in self.instances)]:
            wire.close()

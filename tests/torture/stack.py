"""The stack under torture: a store, model_server and three instances of predict_api, each behind a proxy.

Each process can be killed, paused and started again. A kill takes all processes of a service, as the end of a container
does.
"""

import contextlib
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import psutil

from changeover.process.clock import now
from tests.conftest import PATIENCE, wait_until
from tests.fault_proxy import FaultProxy
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.service import START_SECONDS
from tests.processes.store import Kind, Store

MODEL: Final = "torture"
INSTANCES: Final = 3
WORKERS: Final = 2
_RESET_S: Final = 0.3  # within which every connection to a killed worker has been reset


class Server(ModelServer):
    """model_server, whose start does not wait for the store."""

    ready_path = "/livez"

    def kill_worker(self) -> None:
        """Send SIGKILL to the process that serves; return when its successor listens."""
        workers = self.processes()[1:]
        for worker in workers:
            worker.kill()
        psutil.wait_procs(workers, timeout=20)
        self.wait_until_it_answers()


class Instance(PredictApi):
    """One instance of predict_api with its workers, its cache, and its proxy to model_server."""

    ready_path = "/readyz"

    def __init__(self, server_port: int, folder: Path) -> None:
        self.wire = FaultProxy(("127.0.0.1", server_port))
        settings = {
            "REPORT_TOKEN": REPORT_TOKEN,
            "DEFAULT_MODEL": MODEL,
            "WORKERS": str(WORKERS),
            "DRAIN_SECONDS": "0.5",
            "QUEUE_SECONDS": str(10 * PATIENCE),  # a worker that is paused takes as long as one with too much to do
            "SCORE_TIMEOUT": str(
                10 * PATIENCE
            ),  # a killed process of a model starts again within it, beside other tests
        }
        super().__init__(self.wire.url, folder, **settings)
        self._away: list[tuple[float, float, bool]] = []  # from, until, by SIGKILL
        self._lock = threading.Lock()

    def was_away(self, since: float) -> bool:
        """Whether the instance or one of its workers was killed or got SIGTERM at any time from `since` on."""
        with self._lock:
            return any(until >= since for _, until, _ in self._away[-3:])

    def was_killed(self, since: float) -> bool:
        """The same, but for SIGKILL only."""
        with self._lock:
            return any(until >= since and killed for _, until, killed in self._away[-3:])

    def start(self, path: str | None = None, **settings: str) -> Self:
        """Start, and return when a worker has its model."""
        super().start(path, **settings)
        self._is_back()
        return self

    def kill_worker(self, choices: random.Random) -> None:
        """Send SIGKILL to one worker; return when its successor listens."""
        self._leaves(killed=True)  # if the other worker is killed as well, no process listens here
        victim = choices.choice(
            self.workers()
        )  # the ends of models' processes have tests of their own: they may be a 503
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
        wait_until(lambda: len(self._listening() - {victim.pid}) == WORKERS, START_SECONDS, "a worker")
        self._is_back()

    def _listening(self) -> set[int]:
        """The process ids of the workers that accept connections."""
        listening = set()
        for process in self.processes()[1:]:
            with contextlib.suppress(psutil.Error):
                if any(each.status == psutil.CONN_LISTEN for each in process.net_connections("tcp")):
                    listening.add(process.pid)
        return listening

    def kill(self) -> None:
        """Send SIGKILL to all its processes."""
        self._leaves(killed=True)
        super().kill()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send SIGTERM: the instance answers the requests that it has accepted, and ends with 0."""
        self._leaves(killed=False)
        code = super().end(number)
        assert code == 0, f"predict_api did not end with 0: {self.log[-2000:]}"
        return code

    def _leaves(self, *, killed: bool) -> None:
        with self._lock:
            self._away.append((now(), float("inf"), killed))

    def _is_back(self) -> None:
        with self._lock:
            if self._away:
                began, _, killed = self._away[-1]
                self._away[-1] = (began, now() + _RESET_S, killed)


class Stack:
    """The store, model_server and the instances of predict_api."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.store = Store(kind, folder / "store")
        self.store_wire = FaultProxy(("127.0.0.1", self.store.port))
        settings = {
            "AWS_ENDPOINT_URL_S3": self.store_wire.url,
            "DEFAULT_MODEL": MODEL,
            "PREPARE_TIMEOUT": "10",
            "STORE_TIMEOUT": "5",
            "RUNTIME": "onnx",
        }
        self.server = Server(self.store, "models", folder / "server", settings)
        self.instances = [Instance(self.server.port, folder / f"predict-{number}") for number in range(INSTANCES)]

    def start(self) -> None:
        """Start the store and model_server."""
        self.store.start()
        self.server.start("/readyz")

    def start_instances(self, first: Callable[[], None]) -> None:
        """Start all instances of predict_api in parallel, and call `first` meanwhile; return when each can answer."""
        with ThreadPoolExecutor(INSTANCES) as starting:
            started = [starting.submit(instance.start) for instance in self.instances]
            first()
            for each in started:
                each.result()

    def close(self) -> None:
        """End everything."""
        for service in [*self.instances, self.server, self.store]:
            service.kill()
        for wire in [self.store_wire, *(instance.wire for instance in self.instances)]:
            wire.close()

"""A release in the cluster under eight clients, and the history of all that they were answered.

The clients call 127.0.0.1 and a relay passes each connection on to the address of the Service, where kube-proxy chooses
a pod of the list of endpoints, as for a caller in the cluster. `kubectl port-forward` would not do: it chooses one pod
once, and ends with it. Nor would a NodePort of 127.0.0.1: kube-proxy has none by nftables.

A client opens a kept connection again if it was closed while a pod was leaving, as every HTTP client does. It never
repeats a request over a new connection: one that is refused or reset is a failed request.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import requests

from changeover import Client as ModelServerClient
from changeover.consistency import records
from changeover.consistency.records import Fault, History, ReplicaState
from changeover.consistency.records import Final as FinalState
from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.wire import MODEL_STALE, MODEL_VERSION, Current, RolloutState, VersionState
from tests.conftest import wait_until
from tests.fault_proxy import FaultProxy
from tests.processes.cluster import RELEASE, Cluster
from tests.processes.model_server import PUBLISH_TOKEN
from tests.torture.load import CLIENTS, Client, Tally
from tests.torture.models import Reels
from tests.torture.publisher import Operator
from tests.torture.stack import MODEL

SEED: Final = 17
PREDICT, SERVER, STORE = (
    f"deployment/{RELEASE}-predict-api",
    f"deployment/{RELEASE}-model-server",
    f"statefulset/{RELEASE}-store",
)
_FRESH_ANSWERS: Final = 20
_BETWEEN: Final = 100  # answers before, between and after what happens


class ServiceDoor:
    """The Service of predict_api as the clients of the torture see an instance."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acts: list[tuple[float, float]] = []  # when pods were leaving

    def was_away(self, since: float) -> bool:
        """Whether a pod was leaving at any time from `since` on."""
        return any(end >= since for _, end in self.acts)

    def was_killed(self, since: float) -> bool:
        """Never: a pod that is deleted gets SIGTERM and the time to finish."""
        return False


class Watched:
    """The release, the clients and the history; the history grows from test to test."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.predict = FaultProxy(cluster.address("predict-api"))
        self.server = FaultProxy(cluster.address("model-server"))
        self.door = ServiceDoor(self.predict.port)
        self.history, self.tally, self.reels = History(), Tally(), Reels(SEED)
        self.operator = Operator(self.server.url, MODEL, self.reels, SEED, self.history.add)
        self.away: list[Fault] = []  # when model_server was away

    def close(self) -> None:
        """End the relays."""
        self.predict.close()
        self.server.close()

    @contextlib.contextmanager
    def clients(self) -> Iterator[None]:
        """Eight clients, while the block lasts and until each has some more answers."""
        over = threading.Event()
        each = [
            Client(
                f"client-{number}",
                random.Random(f"{SEED}/{number}"),
                MODEL,
                [self.door],
                self.reels,
                self.tally,
                self.history.add,
            )
            for number in range(CLIENTS)
        ]
        threads = [threading.Thread(target=client.run, args=(over,)) for client in each]
        for thread in threads:
            thread.start()
        try:
            self.more_answers()
            yield
            self.more_answers()
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def more_answers(self) -> None:
        """Wait for some more answers of the clients."""
        goal = self.tally.requests + _BETWEEN
        wait_until(lambda: self.tally.requests >= goal or self.tally.failed, 120, "answers to the clients")

    @contextlib.contextmanager
    def act(self, what: str, *, away: bool) -> Iterator[None]:
        """Something that ends pods; it is over when answers are fresh again. `away`: model_server is among them."""
        began, number = now(), len(self.door.acts)
        self.door.acts.append((began, float("inf")))
        try:
            yield
            self.settle()
        finally:
            self.door.acts[number] = (began, now())
            fault = Fault(what, began, now())
            self.history.add(fault)
            self.away += [fault] * away

    def settle(self) -> None:
        """Wait until model_server answers and every one of some answers is the current version, and not stale."""
        wait_until(self._is_settled, 120, "fresh answers")

    def _is_settled(self) -> bool:
        try:
            current = ModelServerClient(self.server.url).current(MODEL)["version"]
            answers = [self.ask() for _ in range(_FRESH_ANSWERS)]
        except (requests.RequestException, ChangeoverError):
            return False
        return all(
            answer.status_code == 200 and MODEL_STALE not in answer.headers and answer.headers[MODEL_VERSION] == current
            for answer in answers
        )

    def ask(self) -> requests.Response:
        """An answer over a new connection."""
        return requests.post(f"{self.predict.url}/models/{MODEL}/predict", json={"a": 1, "b": 2}, timeout=60)

    def stale_while_model_server_was_there(self) -> list[records.Answer]:
        """Stale answers to requests that model_server's absence does not explain."""
        return [
            answer
            for answer in self.history.answers
            if answer.ok
            and answer.stale
            and not any(f.start <= answer.end and answer.start <= f.end for f in self.away)
        ]

    def read_final(self, replicas: int) -> None:
        """Wait until so many replicas are left, and add the ledger, the versions and their state to the history."""
        client = ModelServerClient(self.server.url, token=PUBLISH_TOKEN)
        reports = wait_until(lambda: self._reports(client, replicas), 120, f"reports of {replicas} replicas")
        states = [
            ReplicaState(str(each["replica"]), int(each["held"]["sequence"]), str(each["held"]["version"]), stale=False)
            for each in reports
        ]
        committed = [each for each in client.history(MODEL) if each["state"] == RolloutState.COMMITTED]
        ledger = sorted(Current(int(each["sequence"]), str(each["version"])) for each in committed)
        known = [each for each in client.versions(MODEL) if each["state"] != VersionState.REJECTED]
        versions = tuple(str(each["version"]) for each in known)
        self.history.add(FinalState(MODEL, now(), tuple(ledger), versions, tuple(states)))

    def _reports(self, client: ModelServerClient, count: int) -> list[JsonObject]:
        """What the replicas that model_server waits for have reported; empty while they are not `count`."""
        reports = [each for each in client.model(MODEL)["replicas"] if each["awaited"] and each["held"]]
        return reports if len(reports) == count else []

    def write(self, path: Path) -> Path:
        """Write the history to `path`, as `changeover check-history` reads it."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(records.write(self.history.records()))
        return path

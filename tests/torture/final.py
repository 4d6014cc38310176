"""The checks after the last failure has healed: the version of each replica, the ledger, and the complete versions."""

import hashlib
import http.client
import json
import threading
from typing import Final

import requests

from changeover import Client
from changeover.consistency.records import Final as FinalState
from changeover.consistency.records import ReplicaState
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.wire import MODEL_SEQUENCE, MODEL_STALE, Current, RolloutState, VersionState
from tests.processes.model_server import PUBLISH_TOKEN
from tests.torture.stack import INSTANCES, MODEL, WORKERS, Instance, Stack

CONVERGE_S: Final = 5.0
_PROBES: Final = (
    12  # new connections to an instance: with two workers, all miss one of them with probability 1 in 2,048
)


def settle(stack: Stack, converge_s: float) -> tuple[float, list[ReplicaState]]:
    """Wait until each replica serves the current version without the stale mark, at most `converge_s`; the time and replicas."""
    healed, pause = now(), threading.Event()
    while True:
        replicas, settled = _look(stack)
        if settled or now() - healed > converge_s:
            return now(), replicas
        pause.wait(0.1)


def _look(stack: Stack) -> tuple[list[ReplicaState], bool]:
    """The state of every replica by its report and by the answers of its instance; and whether all have settled."""
    try:
        answer = stack.server.get(f"/models/{MODEL}")
    except requests.ConnectionError:  # it starts again after the last fault
        return [], False
    if answer.status_code != 200:
        return [], False
    model = answer.json()
    replicas = []
    for number, instance in enumerate(stack.instances):
        probes = [_probe(instance) for _ in range(_PROBES)]
        oldest, stale = min(sequence for sequence, _ in probes), any(stale for _, stale in probes)
        pids = {worker.pid for worker in instance.processes()[1:]}
        reported = [each for each in model["replicas"] if each["awaited"] and each["pid"] in pids]
        reported += [None] * (WORKERS - len(reported))  # a worker that has not reported to model_server
        replicas += [_state(f"{number}-{index}", each, oldest, stale) for index, each in enumerate(reported)]
    current = (model["current"] or {}).get("sequence")
    settled = all(replica.sequence == current and not replica.stale for replica in replicas)
    return replicas, settled and len(replicas) == INSTANCES * WORKERS and model["rollout"] is None


def _state(name: str, report: JsonObject | None, oldest: int, stale: bool) -> ReplicaState:
    held = report["held"] if report else None
    if not report or not isinstance(held, dict):
        return ReplicaState(f"{name} (unheard of)", None, None, stale=True)
    current = Current(int(str(held["sequence"])), str(held["version"]))
    if oldest < current.sequence:  # a worker of this instance answers by an older version than it reported
        return ReplicaState(f"{report['replica']} (answers by {oldest})", oldest, current.version, stale)
    return ReplicaState(str(report["replica"]), current.sequence, current.version, stale)


def _probe(instance: Instance) -> tuple[int, bool]:
    """The sequence and the stale mark of one answer over a new connection; (0, True) without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, 10)
    try:
        connection.request("POST", f"/models/{MODEL}/predict", json.dumps({"a": 1, "b": 2}), _JSON)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            return 0, True
        return int(response.headers[MODEL_SEQUENCE]), MODEL_STALE in response.headers
    except (OSError, http.client.HTTPException):
        return 0, True
    finally:
        connection.close()


_JSON: Final = {"Content-Type": "application/json"}


def after_death(stack: Stack, at: float, replicas: list[ReplicaState]) -> FinalState:
    """Kill the store and model_server, start them again, and read the ledger and the versions."""
    stack.server.kill()
    stack.store.kill()
    stack.start()
    client = Client(stack.server.url, token=PUBLISH_TOKEN)
    ledger = [
        Current(int(str(entry["sequence"])), str(entry["version"]))
        for entry in client.history(MODEL)
        if entry["state"] == RolloutState.COMMITTED
    ]
    versions = [str(entry["version"]) for entry in client.versions(MODEL) if entry["state"] != VersionState.REJECTED]
    whole = tuple(version for version in versions if _is_whole(stack, version))
    return FinalState(model=MODEL, at=at, ledger=tuple(sorted(ledger)), versions=whole, replicas=tuple(replicas))


def _is_whole(stack: Stack, version: str) -> bool:
    artifact = stack.server.get(f"/models/{MODEL}/versions/{version}/artifact")
    return hashlib.sha256(artifact.content).hexdigest() == version

"""The checks after the last failure has healed: the version of each replica, the ledger, and the versions that are whole."""

import hashlib
import http.client
import json
import threading
from typing import Final

from changeover import Client
from changeover.consistency.records import Final as FinalState
from changeover.consistency.records import ReplicaState
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.wire import MODEL_SEQUENCE, MODEL_STALE, Current, RolloutState, VersionState
from tests.processes.model_server import PUBLISH_TOKEN
from tests.torture.stack import INSTANCES, MODEL, WORKERS, Instance, Stack

CONVERGE_S: Final = 5.0
_PROBES: Final = 12  # fresh connections to an instance: of two workers, one is missed by all with 1 in 2,048


def settle(stack: Stack, converge_s: float) -> tuple[float, list[ReplicaState]]:
    """Wait until each replica serves the current version, unstale, `converge_s` at most; the time, and the replicas."""
    healed, pause = now(), threading.Event()
    while True:
        replicas, settled = _look(stack)
        if settled or now() - healed > converge_s:
            return now(), replicas
        pause.wait(0.1)


def _look(stack: Stack) -> tuple[list[ReplicaState], bool]:
    """Every replica, as model_server has heard of it and as its instance answers; and whether all is as it should be."""
    answer = stack.server.get(f"/models/{MODEL}")
    if answer.status_code != 200:
        return [], False
    model = answer.json()
    replicas = []
    for number, instance in enumerate(stack.instances):
        told = [_probe(instance) for _ in range(_PROBES)]
        oldest, stale = min(sequence for sequence, _ in told), any(stale for _, stale in told)
        pids = {worker.pid for worker in instance.processes()[1:]}
        mine = [each for each in model["replicas"] if each["awaited"] and each["pid"] in pids]
        mine += [None] * (WORKERS - len(mine))  # one that model_server has not heard from
        replicas += [_state(f"{number}-{place}", each, oldest, stale) for place, each in enumerate(mine)]
    current = (model["current"] or {}).get("sequence")
    settled = all(replica.sequence == current and not replica.stale for replica in replicas)
    return replicas, settled and len(replicas) == INSTANCES * WORKERS and model["rollout"] is None


def _state(name: str, told: JsonObject | None, oldest: int, stale: bool) -> ReplicaState:
    held = told["held"] if told else None
    if not told or not isinstance(held, dict):
        return ReplicaState(f"{name} (unheard of)", None, None, stale=True)
    current = Current(int(str(held["sequence"])), str(held["version"]))
    if oldest < current.sequence:  # a worker of this instance answers by something older than it says
        return ReplicaState(f"{told['replica']} (answers by {oldest})", oldest, current.version, stale)
    return ReplicaState(str(told["replica"]), current.sequence, current.version, stale)


def _probe(instance: Instance) -> tuple[int, bool]:
    """Sequence and staleness of one answer over a fresh connection; (0, True) for none."""
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
    """Kill the store and model_server, and read the ledger and the versions from their next lives."""
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

"""The report loop: it sends status reports to model_server: the active, ready and failed versions.

`PUT /replicas/{replica}` has the models that changed since the last report; each second those with a version to prepare;
and all models after a restart of model_server and every minute. The freshness checks tell model_server that the replica runs. A failed report has no effect
here: it is sent again a second later. A model_server of an earlier release gets `PUT /models/{m}/replicas/{replica}` for
each model every second.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import (
    LONGEST_TEXT,
    REPLICA_SECRET,
    SERVER_INSTANCE,
    ModelStatus,
    ReplicaReport,
    ReplicaReports,
)
from predict_api.exceptions import CallFailed
from predict_api.replica.replica import Replica
from predict_api.upstream.connection import Connection, Response
from predict_api.upstream.set_check import SetAnswer

EVERY: Final = 1.0
ALL_AGAIN_SECONDS: Final = 60.0
CALL_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 0.5
LARGEST_REPORT: Final = 48 * 1024  # bytes: model_server takes 64 KiB

_LONGEST_COUNTS: Final = 4 * 1024  # bytes, of a rehearsal or a watch: 150 numbers of 16 digits, and two texts


class Reports(Loop):
    """The status reports of one process, over one connection."""

    def __init__(
        self,
        connection: Connection,
        identity: ReplicaIdentity,
        token: str,
        replicas: Callable[[], Iterable[Replica]],
        checked: Callable[[], SetAnswer | None],
    ) -> None:
        """`checked` is the answer to the last freshness check that succeeded, None before the first."""
        super().__init__("report")
        self._connection, self._name, self._replicas, self._checked = connection, identity.id, replicas, checked
        self._headers = {"Content-Type": "application/json", REPLICA_SECRET: identity.secret}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._logged = ""  # the last failure that was logged
        self._host = socket.gethostname()
        self._lock = threading.Lock()
        self._changed: set[str] = set()  # the models to report
        self._instance: str | None = None  # the run of model_server that has the other models
        self._all_due = float("-inf")

    def changed(self, model: str) -> None:
        """Report `model` now."""
        with self._lock:
            self._changed.add(model)
        self.wake.set()

    def leave(self) -> None:
        """Stop reporting, and remove this replica from model_server, so that rollouts do not wait for it."""
        self.stop(wait_s=CALL_SECONDS)
        deadline, checked = now() + LEAVE_SECONDS, self._checked()
        former = checked is not None and checked.former
        paths = [f"/models/{replica.model}" for replica in self._replicas()] if former else [""]
        for path in paths:
            try:
                self._connection.call("DELETE", f"{path}/replicas/{self._name}", self._headers, deadline)
            except CallFailed as error:
                event("report.not_left", reason=str(error))
                return

    def run_once(self, now: float) -> float:
        """Report what changed; returns the seconds until the next reports."""
        checked = self._checked()
        if checked is None:
            return EVERY
        try:
            if checked.former:
                self._instance = None
                self._note([self._report_one(replica) for replica in self._replicas()])
                return EVERY
            return self._report_changes(checked.server_instance, now)
        except Exception as error:  # noqa: BLE001 the thread must outlive any single report
            event("report.crashed", level="error", error=error)
            return EVERY

    def _report_changes(self, instance: str, time: float) -> float:
        """Report the models that changed, all of them if that is due; returns the seconds until the next reports."""
        replicas = {replica.model: replica for replica in self._replicas()}
        with self._lock:
            models, self._changed = self._changed, set()
        if instance != self._instance or time >= self._all_due:
            models = set(replicas)
            self._instance, self._all_due = instance, time + ALL_AGAIN_SECONDS
        moving = {model for model, replica in replicas.items() if not replica.at_rest()}
        models |= moving
        statuses = {model: _status(replicas[model]) for model in sorted(models & replicas.keys())}
        missing, failures = set(models - replicas.keys()), []
        for part in _parts(statuses):
            not_stored, failure = self._report(part)
            missing |= not_stored
            failures.append(failure)
        self._note(failures)
        with self._lock:
            self._changed |= missing
        return EVERY if missing or moving else ALL_AGAIN_SECONDS

    def _report(self, statuses: dict[str, ModelStatus]) -> tuple[set[str], str]:
        """Report these models; returns those that model_server did not store, and the reason if the call failed."""
        report = ReplicaReports(self._name, self._host, os.getpid(), statuses)
        response, failure = self._put(f"/replicas/{self._name}", json.dumps(report.to_json()).encode())
        if response is None or response.status != 200:
            return set(statuses), failure
        if response.headers.get(SERVER_INSTANCE.lower()) != self._instance:
            self._instance = None  # it has restarted, and needs the other models, too
            self.wake.set()
        try:
            return set(json.loads(response.body)["not_stored"]) & statuses.keys(), failure
        except (ValueError, TypeError, KeyError):
            return set(statuses), "model_server answered a report with something else"

    def _report_one(self, replica: Replica) -> str:
        """Report one model to a model_server of an earlier release; returns the reason if that failed."""
        status = _status(replica)
        report = ReplicaReport(self._name, self._host, os.getpid(), status.held, status.ready, status.failed)
        path = f"/models/{replica.model}/replicas/{self._name}"
        return self._put(path, json.dumps(report.to_json()).encode(), known=frozenset({200, 204, 404}))[1]

    def _put(self, path: str, body: bytes, known: frozenset[int] = frozenset({200})) -> tuple[Response | None, str]:
        """The response, None if there is none, and the reason if the report failed. 404: the model is unknown there."""
        try:
            response = self._connection.call("PUT", path, self._headers, now() + CALL_SECONDS, body=body)
        except CallFailed as error:
            return None, str(error)
        if response.status in {401, 403}:
            refused = f"model_server refused the report with HTTP {response.status}"
            return response, f"{refused}: is REPORT_TOKEN the same there?"
        return response, "" if response.status in known else f"model_server answered HTTP {response.status} to a report"

    def _note(self, failures: Sequence[str]) -> None:
        """Log a failure once, until another reason comes or reports succeed again."""
        failure = next((failure for failure in failures if failure), "")
        if failure and failure != self._logged:
            event("report.failed", level="warning", reason=failure)
        self._logged = failure


def _status(replica: Replica) -> ModelStatus:
    held, ready, failed = replica.state()
    rehearsal, watch = replica.rehearsal, replica.watch
    cut = {version: reason[:LONGEST_TEXT] for version, reason in failed.items()}
    counts, watched = rehearsal.counts if rehearsal is not None else None, watch.counts if watch is not None else None
    return ModelStatus(held, ready, cut, counts, watched, replica.fetched)


def _parts(statuses: dict[str, ModelStatus]) -> Iterator[dict[str, ModelStatus]]:
    """The statuses in parts, each small enough for one report."""
    part: dict[str, ModelStatus] = {}
    size = 0
    for model, status in statuses.items():
        length = _length(status)
        if part and size + length > LARGEST_REPORT:
            yield part
            part, size = {}, 0
        part[model] = status
        size += length
    if part:
        yield part


def _length(status: ModelStatus) -> int:
    """The most bytes that a status takes in a report; a character of a reason takes 12 at most."""
    counted = _LONGEST_COUNTS * ((status.rehearsal is not None) + (status.watch is not None))
    return (
        600
        + counted
        + 80 * (len(status.ready) + len(status.failed) + len(status.fetched))
        + 12 * sum(map(len, status.failed.values()))
    )

"""The report loop: it sends status reports to model_server: the active, ready and failed versions.

It sends `PUT /models/{m}/replicas/{replica}` after each change, at least every second, and immediately after a restart
of model_server. A failed report has no effect here: the next one has the whole status again.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable
from typing import Final

from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import LONGEST_TEXT, REPLICA_SECRET, ReplicaReport
from predict_api.exceptions import CallFailed
from predict_api.replica.replica import Replica
from predict_api.upstream.connection import Connection

EVERY: Final = 1.0
CALL_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 0.5


class Reports(Loop):
    """The status reports of one process, over one connection."""

    def __init__(
        self, connection: Connection, identity: ReplicaIdentity, token: str, replicas: Callable[[], Iterable[Replica]]
    ) -> None:
        super().__init__("report")
        self._connection, self._name, self._replicas = connection, identity.id, replicas
        self._headers = {"Content-Type": "application/json", REPLICA_SECRET: identity.secret}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._logged = ""  # the last failure that was logged
        self._host = socket.gethostname()

    def leave(self) -> None:
        """Stop reporting, and remove this replica from model_server, so that rollouts do not wait for it."""
        self.stop(wait_s=CALL_SECONDS)
        deadline = now() + LEAVE_SECONDS
        for replica in self._replicas():
            try:
                self._connection.call("DELETE", self._path(replica.model), self._headers, deadline)
            except CallFailed as error:
                event("report.not_left", model=replica.model, reason=str(error))
                return

    def run_once(self, _now: float) -> float:
        """Report the status of each model; returns the seconds until the next reports."""
        for replica in self._replicas():
            try:
                self._report(replica)
            except Exception as error:  # noqa: BLE001 the thread must outlive any single report
                event("report.crashed", level="error", model=replica.model, error=error)
        return EVERY

    def _report(self, replica: Replica) -> None:
        held, ready, failed = replica.state()
        failed = {version: reason[:LONGEST_TEXT] for version, reason in failed.items()}
        report = ReplicaReport(self._name, self._host, os.getpid(), held, ready, failed)
        body = json.dumps(report.to_json()).encode()
        failure = ""
        try:
            answer = self._connection.call(
                "PUT", self._path(replica.model), self._headers, now() + CALL_SECONDS, body=body
            )
            if answer.status in {401, 403}:
                failure = f"model_server refused the report with HTTP {answer.status}: is REPORT_TOKEN the same there?"
            elif answer.status not in {200, 204, 404}:  # 404: model_server does not have the model (yet)
                failure = f"model_server answered HTTP {answer.status} to a report"
        except CallFailed as error:
            failure = str(error)
        if failure and failure != self._logged:
            event("report.failed", level="warning", model=replica.model, reason=failure)
        self._logged = failure

    def _path(self, model: str) -> str:
        return f"/models/{model}/replicas/{self._name}"

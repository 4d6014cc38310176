"""The counting loop: each second it counts the rows that wait, and sends the sums that changed to model_server.

`PUT /replicas/{replica}/counts` has the sums since the beginning of the hour, and every five seconds the traffic. A call that fails is repeated a second later.
A model_server of an earlier release does not have the call, and gets none.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from changeover.exceptions import ChangeoverError
from changeover.process import clock
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.drift_counts import HourCounts, ReplicaCounts
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.traffic_counts import TrafficCounts
from changeover.protocol.wire import REPLICA_SECRET
from predict_api.drift.hour_sums import HourSums, calls
from predict_api.drift.pending import AllPending, Answered, Pending
from predict_api.drift.traffic import Traffic
from predict_api.drift.version_counter import FormerVersions, VersionCounter, counter_of
from predict_api.exceptions import CallFailed
from predict_api.upstream.connection import Connection
from predict_api.upstream.downloads import authorization
from predict_api.upstream.set_check import SetAnswer

EVERY_SECONDS: Final = 1.0
CALL_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 0.5
NICE: Final = 10
MOST_CELLS: Final = 100_000  # to count in a second: 6 ms of processor time, 0.6 % of a worker
_STOP_SENDING: Final = frozenset({404, 405})  # of a model_server that lacks the call


class Counting(Loop):
    """The counting of one worker, and its calls over one connection."""

    def __init__(
        self,
        connection: Connection,
        identity: ReplicaIdentity,
        token: str,
        pending: AllPending,
        checked: Callable[[], SetAnswer | None],
    ) -> None:
        """`checked` is the answer to the last freshness check that succeeded, None before the first."""
        super().__init__("drift", nice=NICE)
        self._connection, self._replica, self._pending, self._checked = connection, identity.id, pending, checked
        self._headers = {
            "Content-Type": "application/json",
            REPLICA_SECRET: identity.secret,
            **authorization(token),
        }
        self._sums = HourSums()
        self._counters: WeakKeyDictionary[Pending, VersionCounter | None] = WeakKeyDictionary()
        self._former = FormerVersions()
        self._traffic = Traffic()
        self._instance = ""  # the run of model_server that has what is sent
        self._lacking = ""  # the run of model_server that lacks the call
        self._logged = ""  # the last failure that was logged

    def run_once(self, now: float) -> float:
        """Count and send; returns the seconds until the next step."""
        try:
            self._count(now)
            self._send(now, clock.now() + CALL_SECONDS)
        except Exception as error:  # noqa: BLE001 the thread must outlive any single count
            event("drift.crashed", level="error", error=error)
        return EVERY_SECONDS

    def leave(self) -> None:
        """Stop, and send what was counted last."""
        self.stop(wait_s=2 * CALL_SECONDS)
        try:
            self._count(clock.now())
            self._send(clock.now(), clock.now() + LEAVE_SECONDS, last=True)
        except ChangeoverError as error:
            event("drift.not_sent", reason=str(error))

    def _count(self, now: float) -> None:
        hour = clock.utc_now()[: len("2026-01-31T12")]
        for pending in self._pending.all():
            try:
                self._count_version(pending, hour, now)
            except Exception as error:  # noqa: BLE001 the rows of other versions are counted all the same
                event("drift.crashed", level="error", model=pending.manifest.model, error=error)
        self._sums.forget(now)

    def _count_version(self, pending: Pending, hour: str, now: float) -> None:
        requests, skipped = pending.taken()
        counter = self._counter(pending) if requests else None
        if counter is None:
            return
        chosen = _few(requests, len(counter.schema.columns))
        rows = sum(request.rows for request, _ in chosen)
        seen = skipped + sum(request.rows for request, _ in requests)
        for each in [counter, *self._former.besides(counter, now)]:
            key = (pending.manifest.model, pending.manifest.version, each.digest, hour)
            self._sums.add(key, each.count(chosen), seen, rows, now)

    def _counter(self, pending: Pending) -> VersionCounter | None:
        """The counter of a version; None if its reference cannot be read."""
        if pending not in self._counters:
            try:
                self._counters[pending] = counter_of(pending.manifest)
            except ChangeoverError as error:
                manifest = pending.manifest
                event(
                    "drift.no_reference",
                    level="warning",
                    model=manifest.model,
                    version=manifest.version,
                    reason=str(error),
                )
                self._counters[pending] = None
        return self._counters[pending]

    def _send(self, now: float, deadline: float, *, last: bool = False) -> None:
        checked = self._checked()
        if checked is None or checked.former or checked.server_instance == self._lacking:
            return
        if checked.server_instance != self._instance:
            self._instance = checked.server_instance
            self._sums.send_again()
            self._traffic.send_again()
        failure = ""
        groups = [*calls(self._sums.to_send())]
        traffic = self._traffic.to_send(now, last=last)
        if traffic and not groups:
            groups = [[]]
        for group in groups:
            failure = self._put(group, traffic, deadline) or failure
            traffic = {}
        if failure and failure != self._logged:
            event("drift.not_sent", level="warning", reason=failure)
        self._logged = failure

    def _put(self, group: Sequence[HourCounts], traffic: dict[str, TrafficCounts], deadline: float) -> str:
        """Send these sums and totals; returns the reason if that failed."""
        body = ReplicaCounts(self._replica, [*group], traffic).encode()
        path = f"/replicas/{self._replica}/counts"
        try:
            response = self._connection.call("PUT", path, self._headers, deadline, body=body)
        except CallFailed as error:
            return str(error)
        if response.status in _STOP_SENDING:
            self._lacking = self._instance
            return ""
        if response.status != 200:
            return f"model_server answered HTTP {response.status} to counts"
        self._sums.sent(group)
        self._traffic.sent(traffic)
        return _not_stored(response.body)


def _few(requests: list[Answered], columns: int) -> list[Answered]:
    """One in k of the requests, evenly spread, so that MOST_CELLS cells are counted."""
    cells = columns * sum(rows.rows for rows, _ in requests)
    return requests[:: max(1, -(-cells // MOST_CELLS))]


def _not_stored(body: bytes) -> str:
    """The reason for the first counts that model_server did not store, if there is one."""
    try:
        reasons = json.loads(body)["not_stored"]
        return next((f"counts of {name}: {reason}" for name, reason in reasons.items()), "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return "model_server answered counts with something else"

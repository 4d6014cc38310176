"""The fleet: the replicas of one model, their last status reports, and when each was last heard from.

A rollout does not wait for a replica that was silent for SILENCE_S. Times are seconds of a monotonic clock.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from changeover.json_types import JsonObject
from changeover.protocol.rehearsal_counts import RehearsalCounts
from changeover.protocol.watch_counts import WatchCounts
from changeover.protocol.wire import ReplicaReport
from model_server.rollouts.rollout import FleetLooked

SILENCE_S: Final = 3.0
FIND_S: Final = 2.0  # within which a replica discovers a new model and reports
FORGET_S: Final = 300.0
MOST_REPLICAS: Final = 2500  # of one model: each takes memory, and a caller with the token can invent replicas
UNKNOWN: Final = "(replicas that have not reported yet)"


@dataclass(frozen=True)
class Seen:
    """One replica: its last status report, when it was last heard from, and its secret's digest, empty for none."""

    report: ReplicaReport
    heard_at: float
    secret: str = ""


class Contacts:
    """When each replica that has reported was last heard from by a call for all its models."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}

    def add(self, replica: str, now: float) -> None:
        """Record the contact of a replica that reports; silent ones make room."""
        if replica not in self._heard_at and len(self._heard_at) >= MOST_REPLICAS:
            self._heard_at = {name: at for name, at in self._heard_at.items() if now - at <= SILENCE_S}
        if replica in self._heard_at or len(self._heard_at) < MOST_REPLICAS:
            self._heard_at[replica] = now

    def heard(self, replica: str, now: float) -> None:
        """Record that a replica made a call; one that never reported stays unknown."""
        if replica in self._heard_at:
            self._heard_at[replica] = now

    def left(self, replica: str) -> None:
        """Remove a replica that leaves."""
        self._heard_at.pop(replica, None)

    def heard_at(self, replica: str) -> float:
        """When `replica` was last heard from, `-inf` if it is unknown."""
        return self._heard_at.get(replica, float("-inf"))


@dataclass
class Fleet:
    """The replicas of one model. From `known_from` on, every running replica has had time to report."""

    known_from: float = 0.0
    replicas: dict[str, Seen] = field(default_factory=dict)
    contacts: Contacts = field(default_factory=Contacts)  # of all models

    def reported(self, report: ReplicaReport, now: float, secret: str = "") -> bool:
        """Record a status report and the digest of the replica's secret. False if the fleet is full."""
        if report.replica not in self.replicas:
            self._forget(FORGET_S, now)
            if len(self.replicas) >= MOST_REPLICAS:
                self._forget(SILENCE_S, now)
            if len(self.replicas) >= MOST_REPLICAS:
                return False
        self.replicas[report.replica] = Seen(report, now, secret)
        return True

    def secret_of(self, replica: str) -> str | None:
        """The digest of the secret in its first report, empty for none; None if the replica never reported."""
        seen = self.replicas.get(replica)
        return seen.secret if seen is not None else None

    def heard(self, replica: str, now: float) -> None:
        """Record that a replica made a call; one that never reported stays unknown."""
        seen = self.replicas.get(replica)
        if seen is not None:
            self.replicas[replica] = replace(seen, heard_at=now)

    def _forget(self, seconds: float, now: float) -> None:
        """Remove the replicas that were silent for longer than `seconds`."""
        self.replicas = {name: seen for name, seen in self.replicas.items() if self._silent_s(seen, now) <= seconds}

    def _silent_s(self, seen: Seen, now: float) -> float:
        """The seconds since the last call of a replica, for this model or for all its models."""
        return now - max(seen.heard_at, self.contacts.heard_at(seen.report.replica))

    def left(self, replica: str) -> None:
        """Remove a replica that leaves."""
        self.replicas.pop(replica, None)

    def look(self, version: str, now: float) -> FleetLooked:
        """The state of `version` on the replicas that a rollout waits for."""
        ready, pending, failed = set(), set(), {}
        for replica, seen in self.replicas.items():
            if self._silent_s(seen, now) > SILENCE_S:
                continue
            if version in seen.report.ready:
                ready.add(replica)
            elif version in seen.report.failed:
                failed[replica] = seen.report.failed[version]
            else:
                pending.add(replica)
        if now < self.known_from:
            pending.add(UNKNOWN)
        return FleetLooked(frozenset(ready), frozenset(pending), failed)

    def rehearsed(self, identity: str) -> RehearsalCounts:
        """The counts of one rehearsal, added up over the replicas that have reported some."""
        reports = (seen.report.rehearsal for seen in self.replicas.values())
        counts = [each for each in reports if each is not None and each.id == identity]
        return sum(counts, RehearsalCounts(identity))

    def watched(self, identity: str) -> WatchCounts:
        """The counts of one watch, added up over the replicas that have reported some."""
        reports = (seen.report.watch for seen in self.replicas.values())
        return sum((each for each in reports if each is not None and each.id == identity), WatchCounts(identity))

    def awaited(self, now: float) -> int:
        """The number of replicas that a rollout would wait for."""
        return sum(self._silent_s(seen, now) <= SILENCE_S for seen in self.replicas.values())

    def forget_failure(self, version: str) -> None:
        """Remove the reported failures of `version`, before a rollout tries it again."""
        for replica, seen in self.replicas.items():
            if version in seen.report.failed:
                failed = {name: reason for name, reason in seen.report.failed.items() if name != version}
                self.replicas[replica] = replace(seen, report=msgspec.structs.replace(seen.report, failed=failed))

    def to_json(self, now: float) -> list[JsonObject]:
        """The replicas as JSON; `awaited` is false for the silent ones."""
        rows: list[JsonObject] = []
        for replica, seen in sorted(self.replicas.items()):
            silent_s = round(max(0.0, self._silent_s(seen, now)), 3)
            rows.append(
                {**seen.report.to_json(), "replica": replica, "silent_s": silent_s, "awaited": silent_s <= SILENCE_S}
            )
        return rows

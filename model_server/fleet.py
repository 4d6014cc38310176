"""The replicas of one model: who was heard from, and what they hold.

Carries "A replica not heard from for three leases (3 s at least) is no longer waited for" of the design. Pure: time is
a number of seconds on a clock that never steps.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from changeover.manifest import JsonObject
from changeover.wire import ReplicaReport
from model_server.rollout import FleetLooked

SILENCE_S: Final = 3.0
FIND_S: Final = 2.0  # within which a replica finds a model that is new, and reports
FORGET_S: Final = 300.0
UNKNOWN: Final = "(replicas that have not reported yet)"


@dataclass(frozen=True)
class Seen:
    """One replica: its last report, and when anything came from it last."""

    report: ReplicaReport
    heard_at: float


@dataclass
class Fleet:
    """Who serves one model. `known_from` is when everybody has had time to report since the start."""

    known_from: float = 0.0
    replicas: dict[str, Seen] = field(default_factory=dict)

    def reported(self, report: ReplicaReport, now: float) -> None:
        """A replica said what it holds."""
        self.replicas[report.replica] = Seen(report, now)
        for replica, seen in list(self.replicas.items()):
            if now - seen.heard_at > FORGET_S:
                del self.replicas[replica]

    def heard(self, replica: str, now: float) -> None:
        """A replica asked something; one that never reported is not known yet."""
        seen = self.replicas.get(replica)
        if seen is not None:
            self.replicas[replica] = replace(seen, heard_at=now)

    def left(self, replica: str) -> None:
        """A replica said goodbye."""
        self.replicas.pop(replica, None)

    def look(self, version: str, now: float) -> FleetLooked:
        """What the replicas that are waited for say of `version`."""
        ready, pending, failed = set(), set(), {}
        for replica, seen in self.replicas.items():
            if now - seen.heard_at > SILENCE_S:
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

    def awaited(self, now: float) -> int:
        """How many replicas a rollout would wait for."""
        return sum(now - seen.heard_at <= SILENCE_S for seen in self.replicas.values())

    def forget_failure(self, version: str) -> None:
        """Forget what was said against `version`: it is about to be tried anew."""
        for replica, seen in self.replicas.items():
            if version in seen.report.failed:
                kept = {name: why for name, why in seen.report.failed.items() if name != version}
                self.replicas[replica] = replace(seen, report=replace(seen.report, failed=kept))

    def to_json(self, now: float) -> list[JsonObject]:
        """The replicas for people, the silent ones marked."""
        rows: list[JsonObject] = []
        for replica, seen in sorted(self.replicas.items()):
            silent_s = round(max(0.0, now - seen.heard_at), 3)
            rows.append(
                {**seen.report.to_json(), "replica": replica, "silent_s": silent_s, "awaited": silent_s <= SILENCE_S}
            )
        return rows

"""The replicas of one model: who was heard from, and what they hold.

Carries "A replica not heard from for three leases (3 s at least) is no longer waited for" of the design. Pure: time is
a number of seconds on a clock that never steps.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.wire import ReplicaReport
from model_server.rollouts.rollout import FleetLooked

SILENCE_S: Final = 3.0
FIND_S: Final = 2.0  # within which a replica finds a model that is new, and reports
FORGET_S: Final = 300.0
MOST_REPLICAS: Final = 1000  # of one model: a report makes memory its own, and reports can be made up
UNKNOWN: Final = "(replicas that have not reported yet)"


@dataclass(frozen=True)
class Seen:
    """One replica: its last report, when anything came from it last, and the digest of its secret, empty for none."""

    report: ReplicaReport
    heard_at: float
    secret: str = ""


@dataclass
class Fleet:
    """Who serves one model. `known_from` is when everybody has had time to report since the start."""

    known_from: float = 0.0
    replicas: dict[str, Seen] = field(default_factory=dict)

    def reported(self, report: ReplicaReport, now: float, secret: str = "") -> bool:
        """A replica said what it holds, its secret having this digest; says whether there is room for it."""
        if report.replica not in self.replicas:
            self._forget(FORGET_S, now)
            if len(self.replicas) >= MOST_REPLICAS:
                self._forget(SILENCE_S, now)
            if len(self.replicas) >= MOST_REPLICAS:
                return False
        self.replicas[report.replica] = Seen(report, now, secret)
        return True

    def secret_of(self, replica: str) -> str | None:
        """The digest of the secret that came with its first report, empty for none; None if it never reported."""
        seen = self.replicas.get(replica)
        return seen.secret if seen is not None else None

    def heard(self, replica: str, now: float) -> None:
        """A replica asked something; one that never reported is not known yet."""
        seen = self.replicas.get(replica)
        if seen is not None:
            self.replicas[replica] = replace(seen, heard_at=now)

    def _forget(self, seconds: float, now: float) -> None:
        """Forget replicas that were silent for longer than `seconds`."""
        self.replicas = {name: seen for name, seen in self.replicas.items() if now - seen.heard_at <= seconds}

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

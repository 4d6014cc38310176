"""The replicas whose answers are stale, by their reports: those that are silent, and those that stay behind.

A replica that leaves is no longer known, and so is one that was silent for a long time.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from changeover.json_types import JsonObject
from changeover.names import short
from changeover.protocol.wire import Current

STALE_S: Final = 10.0  # a lease and its renewal take a second or two: shorter silences are those of a busy machine


class Stale(Struct, frozen=True):
    """A stale replica, the models of its reports, and why."""

    replica: str
    host: str
    models: tuple[str, ...]
    reason: str


class StaleReplicas:
    """The replicas that are stale now, and since when each has been behind. Times are of a monotonic clock."""

    def __init__(self) -> None:
        self._behind_since: dict[tuple[str, str], float] = {}
        self._stale: set[str] = set()

    def look(self, fleets: Iterable[tuple[str, Current | None, list[JsonObject]]], now: float) -> list[Stale]:
        """Those that became stale since the last look.

        `fleets` has for each model its name, its current version, and the replicas as `Fleet.to_json` gives them.
        """
        stale: dict[str, Stale] = {}
        behind: dict[tuple[str, str], float] = {}
        for model, current, replicas in fleets:
            for row in replicas:
                replica, silent_s = str(row["replica"]), float(str(row["silent_s"]))
                sequence = row["held"]["sequence"] if isinstance(row["held"], dict) else None
                if current is not None and sequence != current.sequence:
                    behind[replica, model] = self._behind_since.get((replica, model), now)
                reason = ""
                if silent_s >= STALE_S:
                    reason = f"it has been silent for {STALE_S:g} s"
                elif current is not None and now - behind.get((replica, model), now) >= STALE_S:
                    reason = f"it has not reported version {short(current.version)} as active {STALE_S:g} s after it became current"
                if reason:
                    models = (*stale[replica].models, model) if replica in stale else (model,)
                    stale[replica] = Stale(replica, str(row["host"]), models, reason)
        fresh = [each for name, each in stale.items() if name not in self._stale]
        self._behind_since, self._stale = behind, set(stale)
        return fresh

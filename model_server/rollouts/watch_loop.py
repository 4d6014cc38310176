"""The loop of a watch: it looks at the counts of the replicas, and rolls back once a version leaves its line."""

import threading
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.names import short
from changeover.process import log_events
from changeover.process.loop import Loop
from model_server.exceptions import CurrentMoved, NoCurrentVersion, Pinned, RolloutUnderWay, RollRefused, VersionRemoved
from model_server.ledger.record import Rollout
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.watch import Watch
from model_server.rollouts.watch_latency import WINDOW_S, WINDOWS
from object_store.exceptions import StoreError

_LOOK_EVERY_S: Final = 0.5
_END: Final = (CurrentMoved, NoCurrentVersion, Pinned, RollRefused, UnknownVersion, VersionRemoved, InvalidManifest)


class WatchLoop(Loop):
    """The watch of one committed rollout, which ends with its time, and with the next switch."""

    def __init__(
        self,
        state: ModelState,
        entry: Rollout,
        watch: Watch,
        until: float,
        stopping: threading.Event,
        roll_back: Callable[[str], object],
    ) -> None:
        """`until` is the end, of a monotonic clock; `roll_back` begins a rollback with this reason."""
        super().__init__(f"watch-{state.name}")
        self._state, self._entry, self._watch, self._until = state, entry, watch, until
        self._stopping, self._roll_back = stopping, roll_back
        self._times: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=WINDOWS + 1)  # at the ends of the windows

    def run_once(self, now: float) -> float | None:
        """Look once; returns the seconds until the next look, None at the end."""
        state, entry = self._state, self._entry
        with state.changed:
            counts, current = state.fleet.watched(entry.id), state.current
        if self._stopping.is_set() or current != entry.current:
            return None
        why = self._watch.why(counts, self._windows(counts.after_ms, now))
        if not why:
            if now < self._until:
                return _LOOK_EVERY_S
            self._log("rollout.watched", self._watch.says(counts))
            state.end_watch(entry.id)
            return None
        reason = f"rolled back by the watch of sequence {entry.sequence}: {why}"
        try:
            self._roll_back(reason)
        except _END as error:
            self._log("rollout.not_rolled_back", f"{reason}; {error}")
            state.end_watch(entry.id)
            return None
        except (RolloutUnderWay, StoreError) as error:
            self._log("rollout.not_rolled_back", f"{reason}; {error}")
            return _LOOK_EVERY_S
        self._log("rollout.left_its_line", reason)
        return None

    def _windows(self, after_ms: tuple[int, ...], now: float) -> list[tuple[int, ...]]:
        """The counts of the last windows, each the difference of those at its end and at its begin."""
        if not self._times or now >= self._times[-1][0] + WINDOW_S:
            self._times.append((now, after_ms))
        return [tuple(map(int.__sub__, end, begin)) for (_, begin), (_, end) in pairwise(self._times)]

    def _log(self, name: str, reason: str) -> None:
        log_events.event(
            name,
            level="info" if name == "rollout.watched" else "error",
            model=self._entry.model,
            version=short(self._entry.version),
            sequence=self._entry.sequence,
            reason=reason,
        )

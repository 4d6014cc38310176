"""The loop of rehearsals: four times a second it compares the sample of each, within its share of the time."""

from collections.abc import Callable, Iterable
from typing import Final

from changeover.process import clock
from changeover.process.log_events import event
from changeover.process.loop import Loop
from predict_api.replica.replica import Replica

EVERY_SECONDS: Final = 0.25
IDLE_SECONDS: Final = 1.0
SHARE: Final = 0.1  # of the time: a rehearsal takes no more from the requests of this worker
NICE: Final = 5


class RehearsalLoop(Loop):
    """The rehearsals of one worker, in one thread."""

    def __init__(self, replicas: Callable[[], Iterable[Replica]]) -> None:
        super().__init__("rehearsal", nice=NICE)
        self._replicas = replicas

    def run_once(self, now: float) -> float:
        """Compare what waits; returns the seconds until the next step."""
        under_way = [rehearsal for replica in self._replicas() if (rehearsal := replica.rehearsal) is not None]
        for index, rehearsal in enumerate(under_way):
            try:
                rehearsal.step(now + EVERY_SECONDS * SHARE * (index + 1) / len(under_way))
            except Exception as error:  # noqa: BLE001 the thread must outlive any single comparison
                event("rehearsal.crashed", level="error", model=rehearsal.current.manifest.model, error=error)
        return max(EVERY_SECONDS, (clock.now() - now) / SHARE) if under_way else IDLE_SECONDS

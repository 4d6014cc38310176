"""The loop that reads the bucket into the indexes: versions, rejected uploads, ended rollouts.

What this process writes is added when it is written. The loop reads what was there before, every hour what another
process wrote, and a model's records again after a write of unknown outcome; one model a second.
"""

from typing import Final

from changeover.process import log_events
from changeover.process.clock import now
from changeover.process.loop import Loop
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.past import Past
from model_server.versions.versions import Versions
from object_store.exceptions import StoreError

SOON_S: Final = 1.0  # until the ledger is read, after a store failure, and for models that are new
AGAIN_S: Final = 3600.0  # between two readings of one model: a listing of 10,000 versions takes 2 s of the store
_NICE: Final = 10


class IndexLoop(Loop):
    """The loop. One step reads one model."""

    def __init__(self, models: Models, versions: Versions, past: Past) -> None:
        super().__init__("index", nice=_NICE)
        self._models, self._versions, self._past = models, versions, past
        self._read_at: dict[str, float] = {}

    def run_once(self, time: float) -> float:
        """Read the model that is due; returns the seconds until the next step."""
        if not self._models.ready.is_set():
            return SOON_S
        due = [state for state in self._models.all() if self._is_due(state.name, time)]
        if not due:
            return SOON_S
        again = due[0].name in self._read_at
        return 0.0 if self._read(due[0]) and not again else SOON_S

    def _is_due(self, model: str, time: float) -> bool:
        return time - self._read_at.get(model, float("-inf")) > AGAIN_S or self._versions.index.in_doubt(model)

    def _read(self, state: ModelState) -> bool:
        """Whether the store had everything."""
        began, known = now(), self._versions.index.complete(state.name)
        try:
            self._versions.index.begin_reading(state.name)
            self._past.fill(state.name, state.current.sequence if state.current else 0)
            self._versions.fill_index(state.name)
        except StoreError as error:
            log_events.event("index.failed", level="warning", model=state.name, reason=str(error))
            self._versions.index.doubt(state.name)
            return False
        self._read_at[state.name] = began
        if not known:
            count, took_ms = self._versions.index.count(state.name), round((now() - began) * 1000)
            log_events.event("index.read", level="debug", model=state.name, versions=count, took_ms=took_ms)
        return True

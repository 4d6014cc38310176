"""The discovery loop: it adds the models that model_server lists, unless `MODELS` names them.

The default model is added at the start, and the models in the disk cache if model_server is unreachable then. The answer
to a freshness check lists all models; this loop asks for a list only if that answer does not. A request for an unknown
model makes one call to model_server, at most once a second for each name.
"""

import json
import threading
from typing import Final, Protocol

from changeover.names import MODEL_NAME
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import MalformedAnswer
from predict_api.exceptions import CallFailed
from predict_api.models.models import Model, Models
from predict_api.preparation.disk_cache import Cache
from predict_api.settings import PredictSettings
from predict_api.upstream.connection import Connection
from predict_api.upstream.dns import Lookup
from predict_api.upstream.downloads import authorization, refusal_to_read
from predict_api.upstream.freshness_check import CheckCall
from predict_api.upstream.set_check import SetAnswer

EVERY: Final = 1.0
CALL_SECONDS: Final = 1.0
MOST_REMEMBERED: Final = 1000


class Checks(Protocol):
    """The interface of the freshness checks that discovery uses."""

    checked: bool  # whether the first check has ended
    answer: SetAnswer | None  # of the last check that succeeded

    @property
    def broken(self) -> bool:
        """Whether checks fail at present."""


class Discovery(Loop):
    """The discovery of the models of this process."""

    def __init__(
        self,
        settings: PredictSettings,
        lookup: Lookup,
        cache: Cache,
        models: Models,
        identity: ReplicaIdentity,
        checks: Checks,
    ) -> None:
        super().__init__("discovery")
        self._settings, self._lookup, self._cache, self._roster = settings, lookup, cache, models
        self._identity, self._checks = identity, checks
        self._connection = Connection(settings.model_server_url, lookup)
        self._headers = {"Accept": "application/json", **authorization(settings.report_token.get_secret_value())}
        self._refused = 200
        self.looked = threading.Event()  # set after the first listing
        self._discovered_at: dict[str, float] = {}

    def start(self) -> None:
        """Add the known models, and start the thread if models are to be discovered."""
        for name in self._settings.model_names or (self._settings.default_model,):
            self._roster.add(name)
        if self._settings.model_names:
            self.looked.set()
        else:
            super().start()

    def ask(self, model: str) -> Model | None:
        """The model that a request names, added if model_server has a current version of it, or None."""
        if self._settings.model_names or not MODEL_NAME.fullmatch(model):
            return None
        moment = now()
        if moment - self._discovered_at.get(model, float("-inf")) < EVERY:
            return None
        if len(self._discovered_at) >= MOST_REMEMBERED:
            self._discovered_at = {}
        self._discovered_at[model] = moment
        connection = Connection(self._settings.model_server_url, self._lookup)
        try:
            deadline = moment + self._settings.check_deadline
            answer = CheckCall(connection, model, self._identity).ask(None, deadline)
        except (CallFailed, MalformedAnswer):
            return None
        finally:
            connection.close()
        return self._roster.add(model) if answer.current else None

    def run_once(self, _now: float) -> float:
        """Add the models that model_server lists; returns the seconds until the next listing."""
        if not self._checks.checked:
            return EVERY
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 the thread must outlive any single listing
            event("discovery.crashed", level="error", error=error)
        self.looked.set()
        return EVERY

    def _look(self) -> None:
        checked = self._checks.answer
        if checked is not None and checked.lists:
            names = [name for name in checked.models if self._roster.find(name) is None]
        else:
            names = self._names() or []
        for name in names:
            self._roster.add(name)

    def _names(self) -> list[str] | None:
        """The models that model_server lists, those of the cache if it does not at the start, or None."""
        if self._checks.broken:
            return None if self.looked.is_set() else self._cache.models()
        try:
            answer = self._connection.call("GET", "/models", self._headers, now() + CALL_SECONDS)
            names = _names(answer.body) if answer.status == 200 else None
            self._note(answer.status)
        except CallFailed:
            names = None
        if names is None and not self.looked.is_set():
            names = self._cache.models()
        return names

    def _note(self, status: int) -> None:
        """Log a refusal once, when it begins."""
        if status in {401, 403} and status != self._refused:
            event("discovery.refused", level="error", reason=refusal_to_read(status, "/models"))
        self._refused = status


def _names(body: bytes) -> list[str] | None:
    """The models in the response of model_server, or None if it is not such a list."""
    try:
        listed = json.loads(body)["models"]
        names = [str(entry["model"]) for entry in listed]
    except (ValueError, KeyError, TypeError):
        return None
    return [name for name in names if MODEL_NAME.fullmatch(name)]

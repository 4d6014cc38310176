"""The models of this process; each has a replica, a freshness loop and a preparation loop.

`predict_api/models/discovery_loop.py` adds a model, which then stays. Adding it starts the two threads of the model.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from changeover.estimator.scores import Runtime
from changeover.manifest.manifest import Manifest
from changeover.process.loop import Loop
from changeover.protocol.replica_identity import ReplicaIdentity
from predict_api.exceptions import NoModel
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.placement import Preparer, turns_of_a_worker
from predict_api.preparation.prepare_loop import Preparation
from predict_api.replica.active import ActiveVersion
from predict_api.replica.freshness_loop import FreshnessLoop
from predict_api.replica.replica import Replica
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings
from predict_api.upstream.connection import Connection
from predict_api.upstream.dns import Lookup
from predict_api.upstream.downloads import Fetch
from predict_api.upstream.freshness_check import CheckCall


class Freshness(Protocol):
    """The freshness checks of one model."""

    @property
    def broken(self) -> bool:
        """Whether checks fail at present, so that responses are stale."""

    def confirm(self) -> bool:
        """Whether the active version is current."""

    def start(self) -> None:
        """Start the checks."""

    def stop(self) -> None:
        """Stop the checks."""


@dataclass(frozen=True)
class Model:
    """One model in this worker: its state, its freshness checks, its preparation."""

    replica: Replica
    freshness: Freshness
    preparation: Loop

    def active_version(self) -> tuple[ActiveVersion, bool]:
        """The active version for a request that has arrived, and whether it is stale.

        Takes CHECK_DEADLINE_MS at most. Raises NoModel.
        """
        confirmed = self.freshness.confirm()
        active = self.replica.active  # read after the check, once
        if active is None:
            raise NoModel(f"no version of model {self.replica.model!r} is loaded yet; try again in a second")
        return active, not confirmed


class Models:
    """The models of this process, by name. Thread-safe."""

    def __init__(
        self,
        settings: PredictSettings,
        lookup: Lookup,
        cache: Cache,
        identity: ReplicaIdentity,
        notify: Callable[[], None],
        runners: Runners,
    ) -> None:
        self._settings, self._lookup, self._cache = settings, lookup, cache
        self._identity, self._notify = identity, notify
        self.runners = runners
        self._turns = turns_of_a_worker(settings.workers)
        self._lock = threading.Lock()
        self._models: dict[str, Model] = {}

    def find(self, name: str) -> Model | None:
        """The model of this name, or None if this process does not have it."""
        return self._models.get(name)

    def all(self) -> list[Model]:
        """All models, in the order of their names."""
        return [model for _, model in sorted(self._models.items())]

    def replicas(self) -> list[Replica]:
        """The replicas of all models."""
        return [model.replica for model in self.all()]

    def add(self, name: str) -> Model:
        """Add the model `name`, and start its threads, unless it is there already."""
        with self._lock:
            known = self._models.get(name)
            if known is not None:
                return known
            model = self._build(name)
            self._models = {**self._models, name: model}
        self.runners.begin()
        model.freshness.start()
        model.preparation.start()
        return model

    def stop(self) -> None:
        """Stop the threads of all models."""
        for model in self.all():
            model.freshness.stop()
            model.preparation.stop()
        self.runners.stop()

    def _build(self, name: str) -> Model:
        url = self._settings.model_server_url
        replica = Replica(name, self._cache.current(name), self._notify)
        call = CheckCall(Connection(url, self._lookup), name, self._identity)
        freshness = FreshnessLoop(replica, call, self._settings.check_deadline)
        fetch = Fetch(url, self._lookup, name, self._settings.report_token.get_secret_value())

        def twin_of(manifest: Manifest, expected: str) -> bytes:
            return self._cache.twin(manifest.model, manifest.version, expected, lambda: fetch.twin(manifest))

        keeps = self._settings.cache_dir is None
        preparer = Preparer(self.runners, twin_of, Runtime(self._settings.runtime), self._turns, keeps)
        preparation = Preparation(replica, freshness, fetch, self._cache, preparer)
        return Model(replica, freshness, preparation)

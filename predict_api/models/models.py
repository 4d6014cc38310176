"""The models of this process; each has a replica, its freshness and its preparation.

`predict_api/models/discovery_loop.py` adds a model, which then stays. The number of threads does not depend on that of the
models: one sends the checks of all, and PREPARING threads prepare versions.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from changeover.estimator.scores import Runtime
from changeover.manifest.manifest import Manifest
from changeover.process.loop import Loop
from changeover.process.loop_threads import LoopThreads
from changeover.sealed.trust import trust_of
from predict_api.drift.pending import AllPending
from predict_api.exceptions import NoModel
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.placement import Preparer, turns_of_a_worker
from predict_api.preparation.prepare_loop import NICE, Preparation
from predict_api.preparation.sealed_manifests import SealedManifests
from predict_api.replica.active import ActiveVersion, confirm
from predict_api.replica.freshness_loop import FreshnessLoop
from predict_api.replica.replica import Replica
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings
from predict_api.upstream.dns import Lookup
from predict_api.upstream.downloads import Fetch

PREPARING: Final = 8  # threads: those with a turn, and others whose versions hang
_OFTEN: Final = 50  # models whose files in the cache are touched in the usual time


class Freshness(Protocol):
    """The freshness checks of one model."""

    @property
    def broken(self) -> bool:
        """Whether checks fail at present, so that responses are stale."""

    def confirm(self) -> bool:
        """Whether the active version is current."""

    def confirmed_at(self) -> float:
        """The time of sending of the last check that confirmed the active version; `-inf` if none did."""


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
        if confirmed:
            return active, False
        return confirm(active, max(active.confirmed_at, self.freshness.confirmed_at())), True


class Models:
    """The models of this process, by name. Thread-safe."""

    def __init__(
        self,
        settings: PredictSettings,
        lookup: Lookup,
        cache: Cache,
        notify: Callable[[str], None],
        runners: Runners,
        checks: FreshnessLoop,
    ) -> None:
        """`notify` is called with the name of a model when its status report changes."""
        self._settings, self._lookup, self._cache = settings, lookup, cache
        self._notify = notify
        self.runners = runners
        self.pending = AllPending()
        self._checks = checks
        self._trust = trust_of(settings.registry_keys_file)
        self._threads = LoopThreads("prepare", PREPARING, nice=NICE)
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
        """Add the model `name`, unless it is there already."""
        with self._lock:
            known = self._models.get(name)
            if known is not None:
                return known
            model = self._build(name)
            self._models = {**self._models, name: model}
        self._notify(name)
        self._threads.add(model.preparation)
        return model

    def start(self) -> None:
        """Start the threads that all models share."""
        self.runners.begin()
        self._checks.start()
        self._threads.start()

    def stop(self) -> None:
        """Stop these threads."""
        self._checks.stop()
        self._threads.stop()
        self.runners.stop()

    def _build(self, name: str) -> Model:
        url = self._settings.model_server_url
        trust = self._trust
        replica = Replica(name, self._cache.current(name), partial(self._notify, name), trust)
        freshness = self._checks.add(replica)
        fetch = Fetch(url, self._lookup, name, self._settings.report_token.get_secret_value())

        def twin_of(manifest: Manifest, expected: str) -> bytes:
            gently = replica.active is not None
            download = partial(fetch.twin, manifest, gently=gently)
            return self._cache.twin(manifest.model, manifest.version, expected, download, gently=gently)

        keeps = self._settings.cache_dir is None
        runtime = Runtime(self._settings.runtime)
        preparer = Preparer(self.runners, twin_of, runtime, self._turns, keeps, self.pending.of)
        sealed = SealedManifests(name, fetch, self._cache, trust) if trust else None
        more_rarely: Callable[[], float] = lambda: len(self._models) / _OFTEN  # noqa: E731
        preparation = Preparation(replica, freshness, fetch, self._cache, preparer, more_rarely, sealed)
        return Model(replica, freshness, preparation)

"""The models of this process, and the runtime of each: its replica, its freshness loop, its preparation.

`predict_api/models/discovery_loop.py` adds a model, which then stays. Adding it starts the two threads of the model.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from changeover.manifest.manifest import Manifest
from changeover.protocol.replica_identity import ReplicaIdentity
from predict_api.model_process.client import Holders
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.placement import Preparer
from predict_api.preparation.prepare_loop import Preparation
from predict_api.replica.freshness_loop import FreshnessLoop
from predict_api.replica.replica import Replica
from predict_api.scoring.interfaces import Runtime
from predict_api.scoring.loading import Assembly, Rules
from predict_api.settings import PredictSettings
from predict_api.upstream.connection import Connection
from predict_api.upstream.dns import Lookup
from predict_api.upstream.downloads import Fetch
from predict_api.upstream.freshness_check import CheckCall


@dataclass(frozen=True)
class Member:
    """The runtime of one model: its state, its freshness checks, its preparation."""

    replica: Replica
    freshness: FreshnessLoop
    preparation: Preparation


class Roster:
    """The models of this process, by name. Thread-safe."""

    def __init__(
        self,
        settings: PredictSettings,
        lookup: Lookup,
        cache: Cache,
        identity: ReplicaIdentity,
        notify: Callable[[], None],
        directory: Path,
    ) -> None:
        """`directory` is private to this instance, and its workers share it."""
        self._settings, self._lookup, self._cache = settings, lookup, cache
        self._identity, self._notify = identity, notify
        self._rules = Rules(settings.extra_globals, settings.allow_version_skew, Runtime(settings.runtime))
        self._holders = Holders(directory / "holders", self._rules, settings.log_level)
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}

    def find(self, model: str) -> Member | None:
        """The runtime of `model`, or None if this process has none."""
        return self._members.get(model)

    def members(self) -> list[Member]:
        """The runtimes of all models, in the order of their names."""
        return [member for _, member in sorted(self._members.items())]

    def replicas(self) -> list[Replica]:
        """The replicas of all models."""
        return [member.replica for member in self.members()]

    def add(self, model: str) -> Member:
        """Add `model`, and start its threads, unless it is there already."""
        with self._lock:
            known = self._members.get(model)
            if known is not None:
                return known
            member = self._build(model)
            self._members = {**self._members, model: member}
        self._holders.begin()
        member.freshness.start()
        member.preparation.start()
        return member

    def stop(self) -> None:
        """Stop the threads of all models."""
        for member in self.members():
            member.freshness.stop()
            member.preparation.stop()

    def _build(self, model: str) -> Member:
        url = self._settings.model_server_url
        replica = Replica(model, self._cache.current(model), self._notify)
        call = CheckCall(Connection(url, self._lookup), model, self._identity)
        freshness = FreshnessLoop(replica, call, self._settings.check_deadline)
        fetch = Fetch(url, self._lookup, model, self._settings.report_token.get_secret_value())

        def twin_of(manifest: Manifest, expected: str) -> bytes:
            return self._cache.twin(manifest.model, manifest.version, expected, lambda: fetch.twin(manifest))

        preparer = Preparer(Assembly(twin_of, self._rules), self._holders, self._settings.share_bytes, twin_of)
        preparation = Preparation(replica, freshness, fetch, self._cache, preparer)
        return Member(replica, freshness, preparation)

"""The preparation loop: it downloads or reads versions, verifies and loads them, and replays golden rows.

The old version answers meanwhile. A version that fails any step never answers. If model_server is unreachable at the
start, the loop takes the last confirmed version from the verified disk cache.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from changeover.manifest.manifest import Manifest
from changeover.process import clock
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.wire import Current
from predict_api import gc_tuning
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.placement import Preparer, reason_of
from predict_api.preparation.sealed_manifests import SealedManifests
from predict_api.replica.replica import Replica
from predict_api.scoring.interfaces import Prepared
from predict_api.upstream.downloads import Fetch

IDLE_SECONDS: Final = 1.0
MOST_DAMAGED: Final = 10  # attempts, 5 s: longer than a connection that damages bytes usually does
RETRY_SECONDS: Final = 0.5  # between attempts to download an unavailable artifact
TOUCH_SECONDS: Final = 5.0
NICE: Final = 5  # requests have priority; with a higher value they would wait for a lock that this thread has
TURN_SECONDS: Final = 10.0  # for which a worker with an active version waits while another worker prepares


class Checks(Protocol):
    """The interface of the freshness checks that preparation uses."""

    checked: bool  # whether the first check has ended

    @property
    def broken(self) -> bool:
        """Whether the last check failed."""

    def hasten(self) -> None:
        """Send the next check now."""


class Preparation(Loop):
    """The preparation of one model in this process."""

    def __init__(
        self,
        replica: Replica,
        freshness: Checks,
        fetch: Fetch,
        cache: Cache,
        preparer: Preparer,
        touch_more_rarely: Callable[[], float],
        sealed: SealedManifests | None = None,
    ) -> None:
        """`touch_more_rarely` is the factor by which TOUCH_SECONDS grows with the number of models, if above 1.

        `sealed` gives the manifests of a sealed registry.
        """
        super().__init__(f"prepare-{replica.model}", replica.work, nice=NICE)
        self._touch_more_rarely = touch_more_rarely
        self._replica, self._freshness, self._fetch, self._cache = replica, freshness, fetch, cache
        self._preparer = preparer
        self._sealed = sealed
        self._attempts: tuple[str, int] = ("", 0)  # the version that could not be prepared yet, and how often
        self._loaded: frozenset[str] = frozenset()
        self._kept: tuple[int, float] = (-1, 0.0)  # the sequence in the cache, and when it was last written

    def run_once(self, now: float) -> float:
        """Prepare a version, or keep the cache up to date; returns the seconds until the next step."""
        if not self._freshness.checked:
            return IDLE_SECONDS
        try:
            self._free_memory()
            version = self._replica.to_prepare(now)
            if version is not None:
                return self._prepare(version)
            if self._freshness.broken:
                self._fall_back()
            self._remember(now)
            if self._replica.at_rest():
                return self._touch_seconds()
        except Exception as error:  # noqa: BLE001 the thread must outlive any single version
            event("prepare.crashed", level="error", model=self._replica.model, error=error)
        return IDLE_SECONDS

    def _free_memory(self) -> None:
        """Collect garbage if a version was unloaded since the last step."""
        _, loaded, _ = self._replica.state()
        if self._loaded - loaded:
            gc_tuning.search()
        self._loaded = loaded

    def _prepare(self, version: str) -> float:
        """Prepare `version`, or record its failure; an unavailable artifact is tried again while it is wanted.

        Without an active version, a damaged download is tried again, too: a worker that starts would listen without one.
        """
        try:
            with self._cache.turn(self._replica.model, TURN_SECONDS if self._replica.active else 0.0):
                prepared = self._ready(version)
        except Exception as error:  # noqa: BLE001 a model's own code may raise anything while it loads or predicts
            before, attempts = self._attempts
            self._attempts = (version, attempts + 1 if version == before else 1)
            if self._may_pass(error):
                event("prepare.waits", level="warning", model=self._replica.model, version=version, reason=str(error))
                self._fall_back(settle=isinstance(error, ArtifactUnavailable))
                return RETRY_SECONDS
            self._replica.fail(version, reason_of(error), clock.now())
            self._fall_back()
        else:
            self._replica.add(prepared)
            self._freshness.hasten()
        self._attempts = ("", 0)
        return 0.0

    def _may_pass(self, error: Exception) -> bool:
        """Whether the next attempt may succeed: the artifact was unavailable, or damaged while no version is active."""
        if isinstance(error, ArtifactRefused):
            return self._replica.active is None and self._attempts[1] < MOST_DAMAGED
        return isinstance(error, ArtifactUnavailable)

    def _ready(self, version: str) -> Prepared:
        """`version`, ready to answer; raises any error of the version."""
        began = clock.now()
        model = self._replica.model
        manifest = self._manifest(model, version)
        gently = self._replica.active is not None
        prepared = self._preparer.prepared(manifest, partial(self._artifact, manifest), gently=gently)
        took = round((clock.now() - began) * 1000)
        event("replica.prepared", model=model, version=version, bytes=manifest.size, took_ms=took)
        return prepared

    def _manifest(self, model: str, version: str) -> Manifest:
        """The newest manifest of `version`: from model_server, or from the cache if it sends none.

        A later publish of the same bytes may have added to it. In a sealed registry, its seal is verified.
        """
        if self._sealed is not None:
            return self._sealed.newest(version, self._replica.manifest_floor(version))
        kept = self._cache.manifest(model, version)
        try:
            manifest = self._fetch.manifest(version)
        except (ArtifactUnavailable, ArtifactRefused):
            if kept is None:
                raise
            return kept
        if manifest != kept:
            self._cache.keep_manifest(manifest)
        return manifest

    def _artifact(self, manifest: Manifest) -> bytes:
        """The bytes of a version, from the cache or from model_server."""
        gently = self._replica.active is not None
        download = partial(self._fetch.artifact, manifest, gently=gently)
        artifact = self._cache.artifact(manifest.model, manifest.version, download, gently=gently)
        self._replica.fetch(manifest.version)
        return artifact

    def _fall_back(self, *, settle: bool = True) -> None:
        """Without an active version, activate the last confirmed one from the cache; its responses are stale."""
        if self._replica.active is not None:
            return
        model = self._replica.model
        current = self._cache.current(model)
        try:
            manifest = self._kept_manifest(current) if current else None
            if current is not None and manifest is not None:
                kept = partial(self._cache.artifact, model, current.version, _nothing_to_download)
                prepared = self._preparer.prepared(manifest, kept, partial(self._artifact, manifest))
                age = max(0.0, time.time() - self._cache.confirmed_at(model))
                self._replica.start_from_cache(current, prepared, clock.now() - age)
                event("replica.started_from_cache", level="warning", model=model, version=current.version)
        except ArtifactUnavailable:
            pass  # not in the cache, or damaged
        except Exception as error:  # noqa: BLE001 a model's own code may raise anything while it loads or predicts
            event("cache.unloadable", level="warning", model=model, reason=reason_of(error))
        finally:
            if settle:
                self._replica.settled.set()

    def _kept_manifest(self, current: Current) -> Manifest | None:
        """The manifest of `current` in the cache, None without one; raises SealBroken or ArtifactUnavailable."""
        if self._sealed is None:
            return self._cache.manifest(self._replica.model, current.version)
        self._replica.verify_cached(current, self._cache.seal(self._replica.model, current))
        return self._sealed.kept(current.version, self._replica.manifest_floor(current.version))

    def _touch_seconds(self) -> float:
        """The seconds after which the cache is touched, while the active version is confirmed."""
        return TOUCH_SECONDS * max(1.0, self._touch_more_rarely())

    def _remember(self, now: float) -> None:
        """Write the active, confirmed version to the cache, and in every so many seconds that it is still confirmed."""
        held = self._replica.active
        if held is None or self._freshness.broken:
            return
        sequence, kept_at = self._kept
        if sequence != held.current.sequence or now - kept_at >= self._touch_seconds():
            self._cache.keep_current(held.model, held.current, self._replica.seal_of(held.current))
            if sequence != held.current.sequence:
                self._cache.prune(held.model, self._replica.in_use())
            self._kept = (held.current.sequence, now)


def _nothing_to_download() -> bytes:
    raise ArtifactUnavailable("not in the cache")

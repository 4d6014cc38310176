"""The manifests of one model in a sealed registry: none is used before its seal is verified."""

from typing import Protocol

from changeover.exceptions import SealBroken
from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.sealed.trust import Trust
from predict_api import metrics
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
from predict_api.preparation.disk_cache import Cache
from predict_api.upstream.downloads import StoredManifest


class Source(Protocol):
    """The interface of the downloads that this file uses."""

    def stored_manifest(self, version: str) -> StoredManifest:
        """The newest manifest of `version`; raises ArtifactUnavailable or ArtifactRefused."""


class SealedManifests:
    """The manifests of one model, from model_server or from the disk cache."""

    def __init__(self, model: str, source: Source, cache: Cache, trust: Trust) -> None:
        self._model, self._source, self._cache, self._trust = model, source, cache, trust

    def newest(self, version: str, at_least: int) -> Manifest:
        """The newest manifest of `version` with a number of at least `at_least`: that of model_server, else of the cache.

        Raises SealBroken, ArtifactUnavailable or ArtifactRefused if neither is valid.
        """
        try:
            stored = self._source.stored_manifest(version)
            self._verify(stored, version, at_least)
        except (SealBroken, ArtifactUnavailable, ArtifactRefused) as error:
            if isinstance(error, SealBroken):
                metrics.SEALS_REFUSED.labels(self._model).inc()
                event("replica.seal_refused", level="error", model=self._model, version=version, reason=str(error))
            try:
                return self.kept(version, at_least)
            except (SealBroken, ArtifactUnavailable):
                raise error from None
        self._cache.keep_stored(stored)
        return stored.manifest

    def kept(self, version: str, at_least: int) -> Manifest:
        """The manifest in the cache; raises SealBroken, or ArtifactUnavailable without one."""
        stored = self._cache.stored_manifest(self._model, version)
        if stored is None:
            raise ArtifactUnavailable(f"the manifest of {version} is not in the cache")
        self._verify(stored, version, at_least)
        return stored.manifest

    def _verify(self, stored: StoredManifest, version: str, at_least: int) -> None:
        self._trust.manifest(stored.content, stored.seal, self._model, version, at_least)

"""The index of versions in memory: a short record of each version and each rejected upload, newest first.

Lists of thousands of versions come from it without a call to the store. `Versions` adds what it reads and writes.
"""

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Self

import msgspec

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import VersionState


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that failed admission: the JSON body of a rejected version, and the content of `<name>.reason.json`."""

    model: str
    name: str
    version: str = ""
    state: str = VersionState.REJECTED.value
    size: int = 0
    created_at: str
    metrics: dict[str, float] = {}
    reason: str = ""

    def to_json(self) -> JsonObject:
        """The JSON form."""
        body: JsonObject = msgspec.to_builtins(self)
        return body


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One version in a list. `size` is in bytes; `twin` says whether it has an ONNX twin."""

    version: str
    created_at: str
    size: int
    metrics: dict[str, float]
    description: str
    estimator: str
    twin: bool
    by: str

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """The record of a version."""
        return cls(
            version=manifest.version,
            created_at=manifest.created_at,
            size=manifest.size,
            metrics=manifest.metrics,
            description=manifest.description[:200],
            estimator=str(manifest.estimator.get("type", "")),
            twin="sha256" in (manifest.twin or {}),
            by=str(manifest.provenance.get("by") or ""),
        )


class _OfModel:
    """The index of one model; `order` has (created_at, version), ascending."""

    def __init__(self) -> None:
        self.versions: dict[str, Listed] = {}
        self.order: list[tuple[str, str]] = []
        self.rejections: dict[str, Rejection] = {}
        self.complete = False
        self.edition = 0


class VersionIndex:
    """The index of all models. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, _OfModel] = {}
        self._doubtful: set[str] = set()

    def add(self, manifest: Manifest) -> None:
        """Add a version, or replace its record by that of a later manifest."""
        listed = Listed.of(manifest)
        with self._lock:
            index = self._models.setdefault(manifest.model, _OfModel())
            if manifest.version not in index.versions:
                insort(index.order, (listed.created_at, listed.version))
            index.versions[manifest.version] = listed
            index.edition += 1

    def add_rejection(self, rejection: Rejection) -> None:
        """Add a rejected upload."""
        with self._lock:
            index = self._models.setdefault(rejection.model, _OfModel())
            index.rejections[rejection.name] = rejection
            index.edition += 1

    def missing(self, model: str, versions: set[str]) -> set[str]:
        """Those of `versions` that the index lacks."""
        with self._lock:
            return versions - self._of(model).versions.keys()

    def knows_rejection(self, model: str, name: str) -> bool:
        """Whether the index has the rejected upload of this name."""
        with self._lock:
            return name in self._of(model).rejections

    def edition(self, model: str) -> int:
        """A number that grows with each record that is added."""
        with self._lock:
            return self._of(model).edition

    def since(self, model: str, moment: str) -> list[Listed]:
        """The versions created at `moment` (RFC 3339, UTC) or later, oldest first."""
        with self._lock:
            index = self._of(model)
            return [index.versions[version] for _, version in index.order[bisect_left(index.order, (moment, "")) :]]

    def doubt(self, model: str) -> None:
        """Record that the store failed a write that it may have done: the bucket has to be read again."""
        with self._lock:
            self._doubtful.add(model)

    def in_doubt(self, model: str) -> bool:
        """Whether the bucket has to be read again."""
        with self._lock:
            return model in self._doubtful

    def begin_reading(self, model: str) -> None:
        """Record that the bucket is being read: only a doubt after this asks for another time."""
        with self._lock:
            self._doubtful.discard(model)

    def completed(self, model: str) -> None:
        """Record that the index has every version that the bucket had."""
        with self._lock:
            self._models.setdefault(model, _OfModel()).complete = True

    def complete(self, model: str) -> bool:
        """Whether the bucket was read to its end for this model."""
        with self._lock:
            return self._of(model).complete

    def count(self, model: str) -> int:
        """The number of versions of a model."""
        with self._lock:
            return len(self._of(model).order)

    def find(self, model: str, version: str) -> Listed | None:
        """The record of one version, or None."""
        with self._lock:
            return self._of(model).versions.get(version)

    def newest(self, model: str, limit: int, before: str | None = None) -> list[Listed]:
        """At most `limit` versions, newest first; only those older than the version `before`, if it is one."""
        with self._lock:
            index = self._of(model)
            cursor = index.versions.get(before) if before else None
            end = bisect_left(index.order, (cursor.created_at, cursor.version)) if cursor else len(index.order)
            return [index.versions[version] for _, version in reversed(index.order[max(0, end - limit) : end])]

    def rejections(self, model: str) -> list[Rejection]:
        """The rejected uploads of a model, newest first."""
        with self._lock:
            listed = list(self._of(model).rejections.values())
        return sorted(listed, key=lambda rejection: rejection.created_at, reverse=True)

    def models(self) -> Iterator[str]:
        """Every model in the index, by name."""
        with self._lock:
            names = sorted(self._models)
        return iter(names)

    def _of(self, model: str) -> _OfModel:
        return self._models.get(model) or _OfModel()

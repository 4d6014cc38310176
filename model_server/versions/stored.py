"""Manifests as they are in the bucket: number, bytes and seal; and those that replicas have asked for, in memory."""

import threading
from dataclasses import dataclass
from typing import Final

from changeover.manifest.manifest import Manifest
from changeover.sealed.envelope import Envelope

MOST: Final = 256  # manifests in memory: each replica of a model asks for the same one
LARGEST: Final = 1 << 20  # bytes of one


@dataclass(frozen=True)
class StoredManifest:
    """A manifest with its number, its bytes in the bucket and its seal."""

    number: int
    manifest: Manifest
    content: bytes
    seal: Envelope | None


class Recent:
    """The sealed manifests that were asked for last. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._manifests: dict[tuple[str, str], StoredManifest] = {}

    def find(self, model: str, version: str, least: int) -> StoredManifest | None:
        """The manifest of a version, if it is in memory and has at least the number `least`."""
        with self._lock:
            found = self._manifests.get((model, version))
        return found if found is not None and found.number >= least else None

    def keep(self, stored: StoredManifest) -> None:
        """Keep a manifest, unless it has no seal or is large; the oldest one goes."""
        if stored.seal is None or len(stored.content) > LARGEST:
            return
        with self._lock:
            name = stored.manifest.model, stored.manifest.version
            self._manifests.pop(name, None)
            self._manifests[name] = stored
            while len(self._manifests) > MOST:
                del self._manifests[next(iter(self._manifests))]

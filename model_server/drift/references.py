"""The references of versions, read from their manifests."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from changeover.drift.reference import Categories, Part, Reference, digest_of, parts, read_reference
from changeover.exceptions import InvalidManifest
from changeover.manifest.manifest import Manifest

MOST_CACHED: Final = 500


@dataclass(frozen=True)
class KnownReference:
    """The reference of a version, its digest, and the parts of its vectors."""

    reference: Reference
    digest: str
    parts: list[Part]

    @property
    def length(self) -> int:
        """The length of a vector of counts."""
        return self.parts[-1].stop if self.parts else 0

    def missing_and_unseen(self, sums: "list[int]") -> tuple[int, int]:
        """The number of missing values of the columns, and of values of categories that are new, in a vector."""
        columns = [part for part in self.parts if not part.of_predictions]
        unseen = [part for part in columns if isinstance(part.variable, Categories)]
        return sum(sums[part.stop - 1] for part in columns), sum(sums[part.stop - 2] for part in unseen)


class References:
    """The references by version. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str, str], KnownReference | None] = OrderedDict()

    def of(self, manifest: Manifest) -> KnownReference | None:
        """The reference of a version; None if it has none that can be read."""
        key = (manifest.model, manifest.version, manifest.updated_at)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = _read(manifest)
        with self._lock:
            self._known[key] = found
            while len(self._known) > MOST_CACHED:
                self._known.popitem(last=False)
        return found


def _read(manifest: Manifest) -> KnownReference | None:
    if manifest.reference is None:
        return None
    try:
        reference = read_reference(manifest.reference)
    except InvalidManifest:
        return None
    return KnownReference(reference, digest_of(reference), parts(reference))

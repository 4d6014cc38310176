"""The counters of versions: by a version's own reference, and after a roll also by that of the version before.

The bins of two versions differ if their references do. So the rows of the new version are counted in the bins of the former
one, too, for as long as both are compared.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from changeover.drift.counting import Counts, ReferenceCounter
from changeover.drift.reference import Reference, digest_of, read_reference
from changeover.manifest.manifest import Manifest
from changeover.schema.schema import Schema
from predict_api.drift.pending import Answered

COMPARED_SECONDS: Final = 2 * 3600.0  # after the last row of the former version


@dataclass(frozen=True)
class VersionCounter:
    """The counter of the rows of one version by one reference."""

    model: str
    version: str
    schema: Schema
    reference: Reference
    digest: str
    counter: ReferenceCounter

    def count(self, requests: Sequence[Answered]) -> Counts:
        """The counts of these requests. Other threads run between the columns."""
        total: Counts | None = None
        for counts in self.counter.count([rows for rows, _ in requests], [scores for _, scores in requests]):
            total = counts if total is None else total + counts
            time.sleep(0)  # gives up the interpreter's lock, which a request may wait for
        assert total is not None
        return total


def counter_of(manifest: Manifest) -> VersionCounter:
    """The counter of a version by its own reference; raises InvalidManifest or InvalidSchema."""
    schema = Schema.from_json(manifest.schema)
    reference = read_reference(manifest.reference)
    counter = ReferenceCounter(reference, schema)
    return VersionCounter(manifest.model, manifest.version, schema, reference, digest_of(reference), counter)


class FormerVersions:
    """The versions that had rows lately, by model. For one thread."""

    def __init__(self) -> None:
        self._counted: dict[str, dict[str, tuple[VersionCounter, float]]] = {}
        self._besides: dict[tuple[str, str, str], VersionCounter] = {}

    def besides(self, counter: VersionCounter, now: float) -> list[VersionCounter]:
        """The counters of this version's rows by the references of other versions that had rows lately; it has some now."""
        counted = self._counted.setdefault(counter.model, {})
        counted[counter.version] = counter, now
        for version, (_, at) in list(counted.items()):
            if now - at > COMPARED_SECONDS:
                del counted[version]
                self._besides = {key: each for key, each in self._besides.items() if version not in key[1:]}
        return [self._by(other, counter) for other, _ in counted.values() if other.digest != counter.digest]

    def _by(self, other: VersionCounter, counter: VersionCounter) -> VersionCounter:
        """The counter of the rows of `counter` by the reference of `other`."""
        key = (counter.model, counter.version, other.version)
        if key not in self._besides:
            by_other = ReferenceCounter(other.reference, counter.schema, other.schema)
            self._besides[key] = VersionCounter(
                counter.model, counter.version, counter.schema, other.reference, other.digest, by_other
            )
        return self._besides[key]

"""The manifest of a version in a sealed registry: none is used before its seal is verified (`docs/sealed.md`)."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from changeover.exceptions import SealBroken
from changeover.manifest.manifest import Manifest
from changeover.process.atomic_file import write_atomically
from changeover.sealed.envelope import Envelope
from changeover.sealed.trust import Trust

Candidate = tuple[bytes, Envelope | None]  # the bytes of a manifest, and a seal of them


class Source(Protocol):
    """Where stored manifests are."""

    def candidates(self, model: str, version: str, key_ids: Sequence[str]) -> Iterator[Candidate]:
        """The manifests of a version, the newest first, each with the seals by these keys that it has."""


def sealed_manifest(source: Source, model: str, version: str, trust: Trust, kept: Path) -> Manifest:
    """The newest manifest of `version` that has a valid seal, from the file `kept` or from `source`, and kept then.

    Raises SealBroken and the errors of the source.
    """
    broken: SealBroken | None = None
    for content, seal in chain(_kept(kept), source.candidates(model, version, trust.key_ids)):
        try:
            trust.manifest(content, seal, model, version)
        except SealBroken as error:
            broken = error
            continue
        if seal is not None:
            write_atomically(_seal_of(kept), seal.encode())
            write_atomically(kept, content)
        return Manifest.from_json(json.loads(content))
    raise broken or SealBroken(f"versions/{model}/{version}/manifest.json: it has no seal")


def _kept(path: Path) -> list[Candidate]:
    """What the cache has; nothing if it has no seal."""
    try:
        return [(path.read_bytes(), Envelope.read(_seal_of(path).read_bytes()))]
    except (OSError, SealBroken):
        return []


def _seal_of(path: Path) -> Path:
    return path.with_suffix(".seal")

"""The parts of model_server that the pages read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.past import Ended, Past
from model_server.rollouts.promotion import Promotion
from model_server.versions.version_index import VersionIndex
from model_server.versions.versions import Versions

Page = dict[str, Any]  # the data of one page: JSON, which its template reads, too


def _no_drift(_model: str) -> JsonObject | None:
    return None


@dataclass(frozen=True)
class Parts:
    """The parts. `drift` gives what a page shows of a model's drift, None if there is nothing to compare."""

    models: Models
    versions: Versions
    past: Past
    promotion: Promotion
    pins: Mapping[str, str]
    default_model: str
    runtime: str = "onnx"
    drift: Callable[[str], JsonObject | None] = _no_drift

    @property
    def index(self) -> VersionIndex:
        """The index of versions."""
        return self.versions.index

    def ended(self, state: ModelState) -> list[Ended]:
        """The ended rollouts of a model, newest first; raises StoreError."""
        return self.past.of(state.name, sequence_of(state))

    def rolled(self, state: ModelState) -> frozenset[str]:
        """Every version that is or was current; raises StoreError."""
        return self.past.versions(state.name, sequence_of(state))

    def manifest(self, model: str, version: str | None) -> Manifest | None:
        """A manifest, None if there is none or it cannot be read."""
        if version is None:
            return None
        try:
            return self.versions.manifest(model, version)
        except ChangeoverError:
            return None


def sequence_of(state: ModelState) -> int:
    """The current sequence of a model, 0 for none."""
    return state.current.sequence if state.current else 0

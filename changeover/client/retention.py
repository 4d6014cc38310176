"""The removal of old versions by HTTP: calls of some seconds, repeated until nothing is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from changeover.client.http import HttpCall
from changeover.exceptions import ServiceRefused
from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json, JsonObject
from changeover.process.clock import now

_UNAVAILABLE: Final = 503
_PATIENCE_S: Final = 60.0  # while model_server reads the versions after its start
_PAUSE_S: Final = 1.0


@dataclass
class Removed:
    """The versions that were removed (with `dry_run`: would be) as `{version, size, created_at}`, and what was kept."""

    model: str
    dry_run: bool
    versions: list[JsonObject] = field(default_factory=list)
    kept: JsonObject = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes of the artifacts."""
        return sum(size for each in self.versions if isinstance(size := each.get("size"), int))

    def to_json(self) -> JsonObject:
        """The JSON form."""
        versions: list[Json] = [*self.versions]
        return {
            "model": self.model,
            "dry_run": self.dry_run,
            "removed": versions,
            "bytes": self.size,
            "kept": self.kept,
        }


def remove_versions(
    server: HttpCall, model: str, body: JsonObject, progress: Callable[[int], None] | None = None
) -> Removed:
    """Remove until nothing is left; calls `progress` with the number so far. Raises ServiceRefused or ServiceUnreachable."""
    result = Removed(model, body.get("dry_run") is True)
    patient_until = now() + _PATIENCE_S
    while True:
        try:
            answer = server.object_in(server.send("POST", f"/models/{model}/gc", json=body))
        except ServiceRefused as error:
            if error.status != _UNAVAILABLE or now() > patient_until:
                raise
            time.sleep(_PAUSE_S)
            continue
        result.versions += objects_in(answer.get("removed"))
        result.kept = object_in(answer.get("kept"))
        if not answer.get("left"):
            return result
        if progress is not None:
            progress(len(result.versions))

"""The context that the routes of versions and rollouts share."""

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import check_model_name
from changeover.protocol.wire import VersionState
from model_server.exceptions import UnknownModel
from model_server.ledger.ledger import Ledger
from model_server.rollouts.model_state import Models
from model_server.versions.versions import Versions
from object_store.bucket import Bucket

# the members of a version in a list, in their order
_LISTED = (
    *("model", "version", "state", "size", "created_at", "metrics", "evaluation", "description"),
    *("estimator", "environment", "provenance", "warnings", "row_independent"),
)


class VersionCalls:
    """The parts of model_server that these routes share."""

    def __init__(self, models: Models, versions: Versions, ledger: Ledger, bucket: Bucket) -> None:
        self.models = models
        self.versions = versions
        self.ledger = ledger
        self.bucket = bucket

    def body(self, manifest: Manifest, rolled: set[str]) -> JsonObject:
        """The JSON body of a version in a list."""
        state = self.models.find(manifest.model)
        current = state.current if state else None
        if current is not None and current.version == manifest.version:
            version_state = VersionState.CURRENT
        elif self.versions.tombstones.stands(manifest.model, manifest.version):
            version_state = VersionState.REMOVED
        else:
            version_state = VersionState.RETIRED if manifest.version in rolled else VersionState.ADMITTED
        members = manifest.to_json() | {"state": version_state.value}
        return {name: members[name] for name in _LISTED}

    def bytes_of(self, model: str, text: str) -> str:
        """The version that `text` names, if its bytes are there; raises VersionRemoved, and as `Versions.resolve` does.

        A version in use is not asked for its tombstone: it may be one that another process wrote late.
        """
        version = self.versions.resolve(self.known(model), text)
        if not self.models.in_use(model, version):
            self.versions.with_bytes(model, version)
        return version

    def rolled(self, model: str) -> set[str]:
        """Every version of `model` that is or was current."""
        return {entry.version for entry in self.ledger.entries(model)}

    def known(self, model: str) -> str:
        """`model`, if it exists; raises UnknownModel."""
        self.models.require_ready()
        if self.models.find(check_model_name(model)) is None:
            raise UnknownModel(f"there is no model {model!r}; see GET /models")
        return model

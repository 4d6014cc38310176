"""What can go wrong in model_server alone, one class a cause; `routes/problems.py` gives each its status."""

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from object_store.exceptions import StoreError


class UnknownModel(ChangeoverError):
    """A model that has neither a version nor a rollout."""


class NoCurrentVersion(ChangeoverError):
    """A model that has versions but was never rolled, or has nothing to roll back to."""


class NotReady(ChangeoverError):
    """model_server has not read its ledger yet: the store has not answered since the start."""


class RolloutUnderWay(ChangeoverError):
    """A second rollout of a model while one is preparing or fencing."""


class Pinned(ChangeoverError):
    """A roll to anything but the version that `MODEL_SHA256` pins."""


class RollRefused(ChangeoverError):
    """A roll to a version that may not become current; `body` is what the refusal shows besides its reason."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class SchemaChanged(RollRefused):
    """A version that breaks the requests of its model's consumers; `diff` is `SchemaDiff.to_json()`."""

    def __init__(self, message: str, diff: JsonObject) -> None:
        super().__init__(message, {"diff": diff})


class GateRefused(RollRefused):
    """A version whose figures do not pass `GATE`; `gate` says what each condition came to."""

    def __init__(self, message: str, gate: list[Json]) -> None:
        super().__init__(message, {"gate": gate})


class VersionRejected(ChangeoverError):
    """An artifact that failed admission; `body` is the rejected version as lists show it."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class UploadTooLarge(ChangeoverError):
    """An artifact above `MAX_MODEL_BYTES`."""


class UploadIncomplete(ChangeoverError):
    """A body that ended before its declared length, or whose digest is not the one it came with."""


class MalformedRequest(ChangeoverError):
    """A request to this API that is not what the call takes."""


class BodyTooLarge(ChangeoverError):
    """A JSON body that is larger than any call needs."""


class TextTooLong(ChangeoverError):
    """A reason, or a name of the caller, that is longer than histories keep."""


class NotThatReplica(ChangeoverError):
    """A report, a check or a leave in the name of a replica, without the secret of that replica."""


class FleetFull(ChangeoverError):
    """A report of one more replica than a model can have."""


class OtherReplica(ChangeoverError):
    """A report of one replica at the address of another."""


class UnsupportedBody(ChangeoverError):
    """A media type or content coding that a call does not take."""


class SpoolFull(ChangeoverError):
    """No room left on the disk that uploads are spooled to."""


class Unauthenticated(ChangeoverError):
    """No bearer token, or an unknown one."""


class Forbidden(ChangeoverError):
    """A known token, or an address, that may not make this call."""


class PinUnavailable(ChangeoverError):
    """`MODEL_SHA256` names bytes that cannot be had, or `MODEL_URI` gave others."""


class RecordUnreadable(StoreError):
    """An object in the place of a record that is too large, no JSON object, or not the record that belongs there."""

"""The errors of model_server, one class a cause; `model_server/routes/problems.py` maps each to a status code."""

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
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
    """A roll to a version that may not become current; `body` holds the members of the response beside its reason."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class SchemaChanged(RollRefused):
    """A version that breaks the requests of its model's consumers; `body` has the differences as `diff`."""


class GateRefused(RollRefused):
    """A version whose metrics do not pass `GATE`; `body` has the result of each condition as `gate`."""


class VersionRejected(ChangeoverError):
    """An artifact that failed admission; `body` is the rejected version in the form that lists have."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class NoEnvironmentThere(VersionRejected):
    """An artifact that no environment here can serve; the message has the command that makes one."""


class CannotExamine(ChangeoverError):
    """An examination that cannot take place; the artifact is not the cause, and may be sent again."""


class UploadTooLarge(ChangeoverError):
    """An artifact above `MAX_MODEL_BYTES`."""


class UploadIncomplete(ChangeoverError):
    """A body that ended before its declared length, or whose digest differs from the one in its header."""


class MalformedRequest(ChangeoverError):
    """A request that does not have the form that the call needs."""


class BodyTooLarge(ChangeoverError):
    """A JSON body that is larger than any call needs."""


class TextTooLong(ChangeoverError):
    """A reason, or a name of the caller, that is longer than the ledger keeps."""


class NotThatReplica(ChangeoverError):
    """A status report, a freshness check or a leave in the name of a replica, without that replica's secret."""


class FleetFull(ChangeoverError):
    """A status report of one replica more than a model can have."""


class OtherReplica(ChangeoverError):
    """A status report of one replica at the path of another."""


class UnsupportedBody(ChangeoverError):
    """A media type or content coding that a call does not support."""


class SpoolFull(ChangeoverError):
    """A full disk: model_server cannot spool the upload."""


class Unauthenticated(ChangeoverError):
    """A call without a bearer token, or with an unknown one."""


class Forbidden(ChangeoverError):
    """A call that its token or its address does not permit."""


class PinUnavailable(ChangeoverError):
    """A pinned version that cannot be read: `MODEL_SHA256` names missing bytes, or `MODEL_URI` has other bytes."""


class RecordUnreadable(StoreError):
    """An object at the key of a record that is too large, not a JSON object, or not the record that belongs there."""

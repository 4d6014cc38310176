"""The errors of model_server, one class a cause; `model_server/routes/problems.py` maps each to a status code."""

import json
from collections.abc import Sequence
from typing import Final

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject
from changeover.names import short
from changeover.protocol.roles import Role
from object_store.exceptions import StoreError

_MOST_LISTED: Final = 5  # contradictions in one message
_LONGEST: Final = 200  # characters of a value in it


class UnknownModel(ChangeoverError):
    """A model that has neither a version nor a rollout."""


class NoCurrentVersion(ChangeoverError):
    """A model that has versions but was never rolled, or has nothing to roll back to."""


class NotReady(ChangeoverError):
    """model_server has not read its ledger yet: the store has not answered since the start."""


class RolloutUnderWay(ChangeoverError):
    """A second rollout of a model while one is preparing or fencing."""


class CurrentMoved(ChangeoverError):
    """A roll of a caller that expected another sequence to be current: a rollout was committed since it looked."""


class NotUnderWay(ChangeoverError):
    """An abort of a rollout that is over."""


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


class VersionRemoved(ChangeoverError):
    """A call that needs the bytes of a version which retention removed; `body` has its tombstone as `removed`."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class LedgerUnsure(ChangeoverError):
    """A removal of versions of a model whose ledger is damaged, or is written by another process: what is current is not sure."""


class HoldsFull(ChangeoverError):
    """One hold more than a model can have."""


class VersionRejected(ChangeoverError):
    """An artifact that failed admission; `body` is the rejected version in the form that lists have."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class NoEnvironmentThere(VersionRejected):
    """An artifact that no environment here can serve; the message has the command that makes one."""


class UpdateRefused(ChangeoverError):
    """A second publish of known bytes whose schema or golden rows do not fit them; the version stays as it is."""


class ManifestContradicted(ChangeoverError):
    """A second publish of known bytes that says something else than the manifest of the version.

    `body` has them as `contradictions`: `[{"member": "metrics.auc", "stored": 0.9, "sent": 0.8}, ...]`.
    """

    def __init__(self, model: str, version: str, contradictions: list[JsonObject]) -> None:
        self.body: JsonObject = {"contradictions": list[Json](contradictions)}
        listed = "; ".join(_contradiction(each) for each in contradictions[:_MOST_LISTED])
        more = len(contradictions) - _MOST_LISTED
        super().__init__(
            f"these bytes are version {short(version)} of {model!r} already, and its manifest says otherwise: {listed}"
            f"{f'; and {more} more' if more > 0 else ''}. Nothing was changed; leave out what contradicts, or publish "
            f"under another model name"
        )


def _contradiction(each: JsonObject) -> str:
    stored, sent = (json.dumps(each[name], ensure_ascii=False) for name in ("stored", "sent"))
    return f"{each['member']} is {stored[:_LONGEST]}, {sent[:_LONGEST]} was sent"


class UpdateBreaks(ChangeoverError):
    """A schema for the bytes of the current version that refuses requests of its consumers; `body` has the `diff`."""

    def __init__(self, message: str, body: JsonObject) -> None:
        self.body = body
        super().__init__(message)


class UpdateOvertaken(ChangeoverError):
    """A second publish of known bytes whose manifest other publishes changed again and again meanwhile."""


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


class TokenEnded(Unauthenticated):
    """A call with a token whose end has passed; `name` is its name."""

    def __init__(self, name: str, until: str) -> None:
        self.name = name
        super().__init__(
            f"the token of {name!r} ended at {until}: use its successor, or ask the operator for one "
            f"(`changeover token rotate`, `changeover token new`)"
        )


class TooManyFailures(Unauthenticated):
    """A call that is not checked, because too many failed before it; `wait_s` are the seconds until it is."""

    def __init__(self, who: str, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"too many calls with invalid tokens came from {who}: try again in {wait_s} s")


class Forbidden(ChangeoverError):
    """A call that the caller's role or its address does not permit; `needed` is the role that does.

    `models` are the only ones that the caller may use, if that is the cause.
    """

    def __init__(self, message: str, needed: Role | None = None, models: Sequence[str] = ()) -> None:
        self.body: JsonObject = {"needed": needed.word} if needed else {}
        if models:
            self.body["models"] = list[Json](models)
        super().__init__(message)


class PinUnavailable(ChangeoverError):
    """A pinned version that cannot be read: `MODEL_SHA256` names missing bytes, or `MODEL_URI` has other bytes."""


class RecordUnreadable(StoreError):
    """An object at the key of a record that is too large, not a JSON object, or not the record that belongs there."""

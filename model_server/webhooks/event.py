"""An event: what a webhook carries, and its id, which is the same whenever the event is made again."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from msgspec import Struct

from changeover.json_types import JsonObject
from changeover.names import short


class EventType(StrEnum):
    """The types of events, as on the wire."""

    VERSION_ADMITTED = "version.admitted"
    VERSION_REJECTED = "version.rejected"
    ROLLOUT_COMMITTED = "rollout.committed"
    ROLLOUT_ABORTED = "rollout.aborted"
    REPLICA_STALE = "replica.stale"
    DRIFT_DETECTED = "drift.detected"


class Event(Struct, frozen=True, kw_only=True):
    """One event. `id` is its `webhook-id`, `timestamp` when it happened (RFC 3339, UTC)."""

    id: str
    type: EventType
    timestamp: str
    data: JsonObject

    @classmethod
    def of(cls, kind: EventType, timestamp: str, data: JsonObject, *identity: str) -> Self:
        """The event of this kind about what `identity` distinguishes from all others of the kind."""
        digest = hashlib.sha256("\n".join((kind, *identity)).encode()).hexdigest()
        return cls(id=f"evt_{digest[:24]}", type=kind, timestamp=timestamp, data=data)


def replica_stale(timestamp: str, replica: str, host: str, models: Sequence[str], reason: str) -> Event:
    """The event of a replica whose answers are stale, or say that they may be."""
    data: JsonObject = {"replica": replica, "host": host, "models": [*models], "reason": reason}
    return Event.of(EventType.REPLICA_STALE, timestamp, data, replica, timestamp)


def drift_detected(timestamp: str, model: str, version: str, columns: Sequence[str], reason: str) -> Event:
    """The event of columns whose values have moved; give it to `Outbox.add`.

    `timestamp` is the end of the window that was judged: the same window is the same event.
    """
    data: JsonObject = {"model": model, "version": version, "columns": [*columns], "reason": reason}
    return Event.of(EventType.DRIFT_DETECTED, timestamp, data, model, version, timestamp)


def sentence(event: Event) -> str:
    """The event in one sentence, without markup."""
    data = event.data
    model, version = data.get("model"), short(str(data.get("version") or ""))
    reason = f": {data['reason']}" if data.get("reason") else ""
    by = f" by {data['by']}" if data.get("by") else ""
    match event.type:
        case EventType.VERSION_ADMITTED:
            return f"{model}: version {version} was admitted{by}"
        case EventType.VERSION_REJECTED:
            return f"{model}: the upload {data.get('name')} was rejected{reason}"
        case EventType.ROLLOUT_COMMITTED:
            return f"{model}: version {version} is current{by}, sequence {data.get('sequence')}{reason}"
        case EventType.ROLLOUT_ABORTED:
            return f"{model}: the rollout of version {version}{by} was aborted{reason}"
        case EventType.REPLICA_STALE:
            return f"Replica {data.get('replica')} on {data.get('host')} is stale{reason}"
        case EventType.DRIFT_DETECTED:
            return f"{model}: the inputs of version {version} have drifted{reason}"

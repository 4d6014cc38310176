"""The events of the records in the bucket: admitted versions, rejected uploads, ended rollouts."""

from changeover.json_types import JsonObject
from model_server.rollouts.past import Ended
from model_server.versions.version_index import Listed, Rejection
from model_server.webhooks.event import Event, EventType


def of_version(model: str, listed: Listed) -> Event:
    """The event of an admitted version. A later manifest of it is no event."""
    data: JsonObject = {
        "model": model,
        "version": listed.version,
        "created_at": listed.created_at,
        "size": listed.size,
        "metrics": {**listed.metrics},
        "description": listed.description,
        "estimator": listed.estimator,
        "by": listed.by,
    }
    return Event.of(EventType.VERSION_ADMITTED, listed.created_at, data, model, listed.version)


def of_rejection(rejection: Rejection) -> Event:
    """The event of a rejected upload. The same bytes of the same name, rejected again, are the same event."""
    identity = rejection.model, rejection.name, rejection.version
    return Event.of(EventType.VERSION_REJECTED, rejection.created_at, rejection.to_json(), *identity)


def of_rollout(ended: Ended) -> Event:
    """The event of a committed or aborted rollout."""
    rollout = ended.rollout
    kind = EventType.ROLLOUT_COMMITTED if ended.committed else EventType.ROLLOUT_ABORTED
    number = str(rollout.sequence) if ended.committed else ""
    return Event.of(kind, rollout.rolled_at, rollout.to_json(), rollout.model, number, rollout.id)

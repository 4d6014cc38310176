"""A rollout as a body, and as the ledger tells it: the one place where both forms meet.

Carries the body `{"model", "sequence", "version", "previous", "state", "reason", "by", "rolled_at"}` of the design.
"""

from changeover.json_types import JsonObject
from changeover.protocol.wire import RolloutState
from model_server.ledger.entry import Entry
from model_server.rollouts.rollout import Rollout


def to_json(rollout: Rollout) -> JsonObject:
    """The body of a rollout that is under way or aborted; a committed one is `Entry.to_json`, the same members."""
    return {
        "id": rollout.id,
        "model": rollout.model,
        "sequence": rollout.sequence,
        "version": rollout.version,
        "previous": rollout.previous,
        "state": rollout.state.value,
        "reason": rollout.reason or rollout.asked,
        "by": rollout.by,
        "rolled_at": rollout.began_at,
    }


def committed(entry: Entry) -> Rollout:
    """The rollout that an entry of the ledger tells of."""
    return Rollout(
        id=entry.id,
        model=entry.model,
        sequence=entry.sequence,
        version=entry.version,
        previous=entry.previous,
        by=entry.by,
        asked=entry.reason,
        began_at=entry.rolled_at,
        deadline=0.0,
        state=RolloutState.COMMITTED,
        reason=entry.reason,
    )

"""The conversions of a rollout: to its JSON body, and from its ledger entry."""

from changeover.json_types import JsonObject
from changeover.protocol.wire import RolloutState
from model_server.ledger.entry import Entry
from model_server.rollouts.rollout import Rollout


def to_json(rollout: Rollout) -> JsonObject:
    """The JSON body of a rollout under way or aborted; `Entry.to_json` has the same members for a committed one."""
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
    """The committed rollout of a ledger entry."""
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

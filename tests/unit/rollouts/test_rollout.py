"""The rollout, every (state, event) pair: durable first, then visible; after a failure the old version serves."""

import pytest

from changeover.protocol.wire import Current, RolloutState
from model_server.ledger.record import Rollout
from model_server.rollouts import rollout as machine
from model_server.rollouts.rollout import FleetLooked

NEW, OLD = "b" * 64, "a" * 64
EVENTS = {
    "looked": FleetLooked(frozenset({"r1"}), frozenset(), {}),
    "rehearsed": machine.Rehearsed(True, "rehearsal: fine", 60.0),
    "leases over": machine.LeasesOver(),
    "appended": machine.LedgerAppended(),
    "taken": machine.LedgerTaken(Current(8, "c" * 64)),
    "failed": machine.LedgerFailed("denied"),
    "stopped": machine.Stopped(),
    "cancelled": machine.Cancelled("ann", "the wrong one"),
}


def a_rollout(state: RolloutState = RolloutState.PREPARING) -> Rollout:
    return Rollout(
        id="id",
        model="loan",
        sequence=8,
        version=NEW,
        previous=OLD,
        state=state,
        reason="better",
        by="ann",
        rolled_at="2026-01-01T00:00:00.000000Z",
        deadline=60.0,
    )


def names(actions: tuple[machine.Action, ...]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_rollout_prepares_fences_and_commits_in_that_order() -> None:
    rollout, actions = machine.begin(a_rollout())
    assert names(actions) == ["Announce"]
    rollout, actions = machine.step(rollout, EVENTS["looked"], 1.0)
    assert (rollout.state, names(actions)) == (RolloutState.FENCING, ["StopGranting"])
    rollout, actions = machine.step(rollout, machine.LeasesOver(), 2.0)
    assert (rollout.state, names(actions)) == (RolloutState.FENCING, ["AppendLedger"])
    rollout, actions = machine.step(rollout, machine.LedgerAppended(), 3.0)
    assert rollout.state is RolloutState.COMMITTED
    assert actions == (machine.Flip(Current(8, NEW)), machine.GrantAgain(), machine.Withdraw())
    assert rollout.reason == "better"


def test_the_answer_flips_only_after_the_ledger_entry_is_durable() -> None:
    for state in RolloutState:
        for event in EVENTS.values():
            try:
                _, actions = machine.step(a_rollout(state), event, 1.0)
            except machine.ImpossibleEvent:
                continue
            if "Flip" in names(actions):
                assert isinstance(event, machine.LedgerAppended)


def test_a_rollout_waits_for_a_replica_that_is_not_ready_until_prepare_timeout() -> None:
    slow = FleetLooked(frozenset({"r1"}), frozenset({"r2"}), {})
    rollout, actions = machine.step(a_rollout(), slow, 59.9)
    assert (rollout.state, actions) == (RolloutState.PREPARING, ())
    rollout, actions = machine.step(rollout, slow, 60.0)
    assert rollout.state is RolloutState.ABORTED
    assert "r2" in rollout.reason
    assert names(actions) == ["Withdraw", "RecordAborted"]


def test_a_rollout_is_aborted_when_one_replica_cannot_load_the_version() -> None:
    look = FleetLooked(frozenset({"r1"}), frozenset({"r3"}), {"r2": "no module named trees"})
    rollout, _ = machine.step(a_rollout(), look, 1.0)
    assert rollout.state is RolloutState.ABORTED
    assert "r2" in rollout.reason
    assert "no module named trees" in rollout.reason


def test_a_lost_race_for_the_sequence_number_adopts_the_winner_and_aborts() -> None:
    rollout, actions = machine.step(a_rollout(RolloutState.FENCING), EVENTS["taken"], 1.0)
    assert rollout.state is RolloutState.ABORTED
    assert names(actions) == ["Adopt", "GrantAgain", "Withdraw", "RecordAborted"]


def test_a_rollout_that_is_overtaken_while_it_prepares_adopts_nothing_for_no_lease_is_over() -> None:
    rollout, actions = machine.step(a_rollout(), EVENTS["taken"], 1.0)
    assert rollout.state is RolloutState.ABORTED
    assert "only one model_server" in rollout.reason
    assert names(actions) == ["Withdraw", "RecordAborted"]


def test_a_ledger_that_refuses_aborts_and_grants_again() -> None:
    rollout, actions = machine.step(a_rollout(RolloutState.FENCING), EVENTS["failed"], 1.0)
    assert (rollout.state, rollout.reason) == (RolloutState.ABORTED, "denied")
    assert names(actions) == ["GrantAgain", "Withdraw", "RecordAborted"]


@pytest.mark.parametrize("state", [RolloutState.COMMITTED, RolloutState.ABORTED])
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_nothing_can_happen_to_a_rollout_that_is_over(state: RolloutState, event: machine.Event) -> None:
    with pytest.raises(machine.ImpossibleEvent):
        machine.step(a_rollout(state), event, 1.0)


@pytest.mark.parametrize("event", ["leases over", "appended", "failed"])
def test_preparing_knows_neither_leases_nor_the_ledger(event: str) -> None:
    with pytest.raises(machine.ImpossibleEvent):
        machine.step(a_rollout(), EVENTS[event], 1.0)


@pytest.mark.parametrize("state", [RolloutState.PREPARING, RolloutState.FENCING])
def test_a_stop_aborts_what_is_under_way(state: RolloutState) -> None:
    rollout, actions = machine.step(a_rollout(state), machine.Stopped(), 1.0)
    assert rollout.over
    assert "Flip" not in names(actions)


@pytest.mark.parametrize("state", [RolloutState.PREPARING, RolloutState.FENCING])
def test_a_cancelled_rollout_is_aborted_with_the_name_and_the_reason_of_the_caller(state: RolloutState) -> None:
    rollout, actions = machine.step(a_rollout(state), EVENTS["cancelled"], 1.0)
    assert (rollout.state, rollout.reason) == (RolloutState.ABORTED, "aborted by ann: the wrong one")
    assert names(actions) == ["GrantAgain", "Withdraw", "RecordAborted"]


def test_a_rehearsal_that_is_passed_adds_its_result_to_the_reason_and_gives_late_replicas_time() -> None:
    after, actions = machine.step(a_rollout(), machine.Rehearsed(True, "rehearsal: fine", 60.0), 100.0)
    assert (after.state, after.reason, after.deadline, actions) == (
        RolloutState.PREPARING,
        "better; rehearsal: fine",
        160.0,
        (),
    )


def test_a_rehearsal_that_is_not_passed_aborts_with_its_result() -> None:
    after, actions = machine.step(a_rollout(), machine.Rehearsed(False, "rehearsal: 5 % differ", 60.0), 1.0)
    assert (after.state, after.reason) == (RolloutState.ABORTED, "stopped by its rehearsal: 5 % differ")
    assert names(actions) == ["Withdraw", "RecordAborted"]

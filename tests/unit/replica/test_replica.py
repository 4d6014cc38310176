"""The replica: its active, prepared and failed versions, and the versions to prepare."""

from typing import cast

import pytest

from changeover.manifest.manifest import Manifest
from changeover.protocol.watch_counts import WatchCounts
from changeover.protocol.wire import Current
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from predict_api.exceptions import LowerSequence, OtherVersion
from predict_api.replica.freshness import Outcome
from predict_api.replica.replica import RETRY_CURRENT_AFTER, Replica
from predict_api.scoring.interfaces import Prepared, Scorer, Several
from predict_api.upstream.freshness_check import CheckAnswer

A, B, C = "a" * 64, "b" * 64, "c" * 64


def prepared(version: str) -> Prepared:
    schema = Schema((Column("a"),))
    manifest = Manifest("loan", version, 1, "2026-01-31T12:00:00Z", schema.to_json(), {})
    return Prepared(manifest, cast("Scorer", None), RequestReader(schema))


def says(current: Current | None, following: str | None = None, instance: str = "x") -> CheckAnswer:
    return CheckAnswer(current, following, 0.0, instance)


@pytest.fixture
def replica() -> Replica:
    return Replica("loan", None, lambda: None)


def holding(replica: Replica, current: Current) -> Replica:
    assert replica.on_answer(says(current), 1.0) is Outcome.BEHIND
    replica.add(prepared(current.version))
    assert replica.on_answer(says(current), 2.0) is Outcome.CONFIRMED
    return replica


def test_the_current_version_is_prepared_and_then_activated_by_the_next_check(replica: Replica) -> None:
    assert replica.on_answer(says(Current(1, A)), 1.0) is Outcome.BEHIND
    assert replica.to_prepare(1.0) == A
    replica.add(prepared(A))
    assert replica.active is None
    assert replica.on_answer(says(Current(1, A)), 2.0) is Outcome.CONFIRMED
    assert replica.active is not None
    assert (replica.active.current, replica.active.confirmed_at) == (Current(1, A), 2.0)
    assert replica.to_prepare(2.0) is None


def test_the_announced_version_is_prepared_while_the_old_version_is_confirmed(replica: Replica) -> None:
    holding(replica, Current(1, A))
    assert replica.on_answer(says(Current(1, A), B), 3.0) is Outcome.CONFIRMED
    assert replica.to_prepare(3.0) == B
    replica.add(prepared(B))
    assert replica.state() == (Current(1, A), frozenset({A, B}), {})


def test_the_announced_version_is_activated_by_the_check_that_makes_it_current(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(says(Current(1, A), B), 3.0)
    replica.add(prepared(B))
    assert replica.on_answer(says(Current(2, B)), 4.0) is Outcome.CONFIRMED
    assert replica.state() == (Current(2, B), frozenset({B}), {})


def test_a_version_that_is_no_longer_announced_is_unloaded(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(says(Current(1, A), B), 3.0)
    replica.add(prepared(B))
    replica.on_answer(says(Current(1, A)), 4.0)
    assert replica.state()[1] == {A}


def test_a_version_that_is_ready_too_late_is_not_kept(replica: Replica) -> None:
    holding(replica, Current(1, A)).add(prepared(C))
    assert replica.state()[1] == {A}


def test_a_failed_announced_version_is_tried_again_at_the_next_announcement(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(says(Current(1, A), B), 3.0)
    replica.fail(B, "golden row 0", 3.0)
    assert replica.state()[2] == {B: "golden row 0"}
    assert replica.to_prepare(1000.0) is None
    replica.on_answer(says(Current(1, A)), 4.0)
    assert replica.state()[2] == {}
    replica.on_answer(says(Current(1, A), B), 5.0)
    assert replica.to_prepare(5.0) == B


def test_a_failed_current_version_is_tried_again_after_a_while(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(says(Current(2, B)), 3.0)
    replica.fail(B, "cut off", 3.0)
    assert replica.to_prepare(4.0) is None
    assert replica.to_prepare(3.0 + RETRY_CURRENT_AFTER) == B


def test_a_model_without_a_current_version_keeps_its_active_version(replica: Replica) -> None:
    holding(replica, Current(1, A))
    assert replica.on_answer(says(None), 3.0) is Outcome.ABSENT
    assert replica.active is not None


def test_a_lower_sequence_and_a_second_version_under_one_are_refused(replica: Replica) -> None:
    holding(replica, Current(5, A))
    with pytest.raises(LowerSequence):
        replica.on_answer(says(Current(4, B)), 3.0)
    with pytest.raises(OtherVersion):
        replica.on_answer(says(Current(5, B)), 3.0)
    assert replica.state()[0] == Current(5, A)


def test_a_restart_does_not_go_below_the_sequence_confirmed_before_it() -> None:
    replica = Replica("loan", Current(5, A), lambda: None)
    with pytest.raises(LowerSequence, match="when this service last ran"):
        replica.on_answer(says(Current(4, B)), 1.0)


def test_the_version_of_the_cache_is_activated_only_without_another() -> None:
    replica = Replica("loan", Current(1, A), lambda: None)
    replica.start_from_cache(Current(1, A), prepared(A), 0.5)
    assert replica.state()[0] == Current(1, A)
    replica.on_answer(says(Current(2, B)), 1.0)
    replica.add(prepared(B))
    replica.on_answer(says(Current(2, B)), 2.0)
    replica.start_from_cache(Current(1, A), prepared(A), 0.5)
    assert replica.state()[0] == Current(2, B)


def test_every_change_is_reported() -> None:
    reports: list[int] = []
    replica = Replica("loan", None, lambda: reports.append(1))
    changes = [
        lambda: replica.on_answer(says(Current(1, A)), 1.0),
        lambda: replica.add(prepared(A)),
        lambda: replica.on_answer(says(Current(1, A)), 2.0),
        lambda: replica.on_answer(says(Current(1, A), B), 3.0),
        lambda: replica.fail(B, "too big", 4.0),
        lambda: replica.on_answer(says(Current(1, A)), 5.0),
    ]
    for change in changes:
        reports.clear()
        change()
        assert reports
    reports.clear()
    replica.on_answer(says(Current(1, A)), 6.0)
    assert not reports


def test_a_replica_is_at_rest_when_it_has_the_current_version_and_no_other_is_announced(replica: Replica) -> None:
    assert not replica.at_rest()
    holding(replica, Current(1, A))
    assert replica.at_rest()
    replica.on_answer(says(Current(1, A), B), 3.0)
    assert not replica.at_rest()
    replica.on_answer(says(Current(2, B)), 4.0)
    assert not replica.at_rest()


def rehearse(current: Current, following: str | None, identity: str | None) -> CheckAnswer:
    return CheckAnswer(current, following, 0.0, "x", rehearsal=identity)


def test_the_announced_version_is_rehearsed_from_when_it_is_ready_until_the_switch(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(rehearse(Current(1, A), B, "r"), 3.0)
    assert replica.rehearsal is None
    replica.add(prepared(B))
    first = replica.rehearsal
    assert first is not None
    assert (first.identity, first.current.version, first.new.version) == ("r", A, B)
    assert first.current.tap.sample is not None
    replica.on_answer(rehearse(Current(1, A), B, "r"), 4.0)
    assert replica.rehearsal is first
    replica.on_answer(rehearse(Current(1, A), B, "s"), 5.0)
    assert replica.rehearsal is not None
    assert replica.rehearsal.identity == "s"
    replica.on_answer(rehearse(Current(2, B), None, None), 6.0)
    assert (replica.rehearsal, first.current.tap.sample) == (None, None)


def test_a_rehearsal_ends_with_its_announcement_and_none_begins_unless_it_is_asked_for(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(rehearse(Current(1, A), B, None), 3.0)
    replica.add(prepared(B))
    assert replica.rehearsal is None
    replica.on_answer(rehearse(Current(1, A), B, "r"), 4.0)
    assert replica.rehearsal is not None
    replica.on_answer(rehearse(Current(1, A), None, None), 5.0)
    assert replica.rehearsal is None
    assert replica.active is not None
    assert replica.active.prepared.tap.sample is None


def watch(current: Current, following: str | None, identity: str | None) -> CheckAnswer:
    return CheckAnswer(current, following, 0.0, "x", watch=identity)


def test_a_watch_counts_before_the_switch_and_after_it_until_it_ends(replica: Replica) -> None:
    holding(replica, Current(1, A)).on_answer(watch(Current(1, A), B, "r"), 3.0)
    replica.add(prepared(B))
    assert replica.active is not None
    first = replica.active.prepared.tap
    assert first.sample is not None
    first.sample.failed()
    replica.on_answer(watch(Current(2, B), B, "r"), 4.0)
    assert first.sample is None
    second = replica.active.prepared.tap
    assert second.sample is not None
    second.sample.failed()
    replica.on_answer(watch(Current(2, B), None, "r"), 5.0)
    second.sample.failed()
    assert replica.watch is not None
    assert (replica.watch.counts, replica.at_rest()) == (WatchCounts("r", 1, 1, 2, 2), False)
    replica.on_answer(watch(Current(2, B), None, None), 6.0)
    assert (replica.watch, second.sample, replica.at_rest()) == (None, None, True)


def test_a_worker_that_starts_after_the_switch_counts_as_after_it_and_both_look_at_answers_at_once(
    replica: Replica,
) -> None:
    holding(replica, Current(2, B)).on_answer(watch(Current(2, B), None, "r"), 3.0)
    replica.on_answer(CheckAnswer(Current(2, B), C, 0.0, "x", rehearsal="s", watch="r"), 4.0)
    replica.add(prepared(C))
    assert replica.active is not None
    place = replica.active.prepared.tap.sample
    assert isinstance(place, Several)
    assert len(place.places) == 2

"""The replicas that a rollout waits for, and their reports about a version."""

from changeover.protocol.wire import Current, ReplicaReport
from model_server.rollouts.fleet import FORGET_S, MOST_REPLICAS, SILENCE_S, UNKNOWN, Contacts, Fleet

OLD, NEW = "a" * 64, "b" * 64


def a_report(replica: str, *ready: str, failed: dict[str, str] | None = None) -> ReplicaReport:
    return ReplicaReport(replica, "host", 1, Current(1, OLD), frozenset(ready), failed or {})


def test_without_replicas_a_rollout_waits_for_none() -> None:
    look = Fleet().look(NEW, 0.0)
    assert (look.ready, look.pending, look.failed) == (frozenset(), frozenset(), {})


def test_each_replica_is_ready_pending_or_failed() -> None:
    fleet = Fleet()
    fleet.reported(a_report("r1", OLD, NEW), 0.0)
    fleet.reported(a_report("r2", OLD), 0.0)
    fleet.reported(a_report("r3", OLD, failed={NEW: "too big"}), 0.0)
    look = fleet.look(NEW, 1.0)
    assert look.ready == {"r1"}
    assert look.pending == {"r2"}
    assert look.failed == {"r3": "too big"}


def test_a_replica_that_fell_silent_is_no_longer_waited_for() -> None:
    fleet = Fleet()
    fleet.reported(a_report("r1", OLD), 0.0)
    assert fleet.look(NEW, SILENCE_S).pending == {"r1"}
    assert fleet.look(NEW, SILENCE_S + 0.001).pending == frozenset()


def test_a_check_counts_as_contact_of_a_replica_that_has_reported() -> None:
    fleet = Fleet()
    fleet.heard("stranger", 0.0)
    fleet.reported(a_report("r1", OLD), 0.0)
    fleet.heard("r1", 2.0)
    assert fleet.look(NEW, 2.0 + SILENCE_S).pending == {"r1"}
    assert fleet.awaited(2.0) == 1


def test_a_replica_that_left_is_not_waited_for() -> None:
    fleet = Fleet()
    fleet.reported(a_report("r1", OLD), 0.0)
    fleet.left("r1")
    fleet.left("r1")
    assert not fleet.look(NEW, 0.0).pending


def test_after_a_restart_the_fleet_is_unknown_until_every_replica_could_report() -> None:
    fleet = Fleet(known_from=5.0)
    assert fleet.look(NEW, 4.9).pending == {UNKNOWN}
    assert fleet.look(NEW, 5.0).pending == frozenset()


def test_an_old_failure_does_not_count_against_a_new_attempt() -> None:
    fleet = Fleet()
    fleet.reported(a_report("r1", OLD, failed={NEW: "no room", OLD: "x"}), 0.0)
    fleet.forget_failure(NEW)
    look = fleet.look(NEW, 0.0)
    assert (look.pending, look.failed) == ({"r1"}, {})


def test_replicas_of_long_ago_are_forgotten() -> None:
    fleet = Fleet()
    fleet.reported(a_report("r1"), 0.0)
    fleet.reported(a_report("r2"), FORGET_S + 1)
    rows = fleet.to_json(FORGET_S + 1)
    assert [row["replica"] for row in rows] == ["r2"]
    assert rows[0]["awaited"] is True


def test_a_model_has_so_many_replicas_at_most_and_silent_ones_make_room() -> None:
    fleet = Fleet()
    assert all(fleet.reported(a_report(f"r{number}"), 0.0) for number in range(MOST_REPLICAS))
    assert not fleet.reported(a_report("one more"), SILENCE_S)
    assert fleet.reported(a_report("r0"), SILENCE_S)
    assert len(fleet.replicas) == MOST_REPLICAS
    assert fleet.reported(a_report("one more"), SILENCE_S + 0.001)
    assert set(fleet.replicas) == {"r0", "one more"}


def test_the_secret_of_a_report_is_remembered_with_the_replica() -> None:
    fleet = Fleet()
    assert fleet.secret_of("r1") is None
    fleet.reported(a_report("r1"), 0.0)
    assert fleet.secret_of("r1") == ""
    fleet.reported(a_report("r2"), 0.0, "digest")
    fleet.heard("r2", 1.0)
    fleet.forget_failure(NEW)
    assert fleet.secret_of("r2") == "digest"


def test_a_call_for_all_models_counts_as_contact_for_each() -> None:
    contacts = Contacts()
    fleet = Fleet(contacts=contacts)
    contacts.add("r1", 0.0)
    fleet.reported(a_report("r1", OLD), 0.0)
    contacts.heard("r1", FORGET_S + 1)
    fleet.reported(a_report("r2", OLD), FORGET_S + 1)
    assert fleet.look(NEW, FORGET_S + 1 + SILENCE_S).pending == {"r1", "r2"}
    contacts.left("r1")
    assert fleet.look(NEW, FORGET_S + 1 + SILENCE_S).pending == {"r2"}


def test_calls_of_replicas_that_never_reported_take_no_memory_and_silent_ones_make_room() -> None:
    contacts = Contacts()
    contacts.heard("stranger", 0.0)
    assert contacts.heard_at("stranger") == float("-inf")
    for number in range(MOST_REPLICAS):
        contacts.add(f"r{number}", 0.0)
    contacts.add("one more", SILENCE_S)
    assert contacts.heard_at("one more") == float("-inf")
    contacts.add("one more", SILENCE_S + 0.001)
    assert contacts.heard_at("one more") == SILENCE_S + 0.001
    assert contacts.heard_at("r0") == float("-inf")

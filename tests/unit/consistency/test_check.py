"""Each promise on short histories: kept, and broken in each possible way."""

import pytest

from changeover.consistency.check import check
from changeover.consistency.records import (
    UNKNOWN,
    Answer,
    Fault,
    Final,
    History,
    Publish,
    Record,
    ReplicaState,
    Rollout,
)
from changeover.consistency.violation import Promise, Violation
from changeover.protocol.wire import Current

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
COMMITTED, ABORTED, ADMITTED, REJECTED = "committed", "aborted", "admitted", "rejected"


def answer(start: float, end: float, sequence: int, version: str, **more) -> Answer:
    return Answer("m", start, end, True, 200, sequence, version, **more)


def rolled(sequence: int | None, version: str, start: float, end: float, outcome: str = COMMITTED) -> Rollout:
    return Rollout("m", version, outcome, start, end, sequence)


def published(version: str, end: float = 0.0, outcome: str = ADMITTED) -> Publish:
    return Publish("m", version, outcome, 0.0, end)


def final(*ledger: str, versions: tuple[str, ...] = (), replicas: tuple = (), at: float = 100.0) -> Final:
    """A ledger of these versions, from 1 on; the store has them and `versions`."""
    entries = tuple(Current(number, version) for number, version in enumerate(ledger, 1))
    return Final("m", at, entries, (*ledger, *versions), tuple(ReplicaState(*one) for one in replicas))


def judged(*records: Record, within_s: float = 5.0) -> list[Violation]:
    return check(History.of(records), within_s)


def broken(*records: Record, within_s: float = 5.0) -> list[str]:
    """The promises that were broken, one word a violation."""
    return [str(one.promise) for one in judged(*records, within_s=within_s)]


EVENTFUL = (
    *(published(A), published(B), published(C, outcome=REJECTED), published(D, outcome=UNKNOWN)),
    *(rolled(1, A, 0, 1), rolled(2, B, 10, 12), rolled(None, D, 20, 25, ABORTED), rolled(3, A, 30, 31)),
    answer(2, 3, 1, A, computed_by=A, versions_seen=(A,)),
    answer(9, 11.6, 1, A),
    answer(10, 11.5, 2, B),
    answer(11.5, 11.7, 1, A),  # it began when the other one ended: neither is before the other
    answer(12, 13, 2, B, computed_by=B, versions_seen=(B, B)),
    answer(14, 15, 1, A, stale=True),
    Fault("model_server is killed", 13, 16),
    answer(31.5, 32, 3, A),
    rolled(4, B, 33, 40, UNKNOWN),
    final(A, B, A, B, replicas=(("r1", 4, B, False), ("r2", 4, B, False)), at=42),
)


def test_an_eventful_history_keeps_every_promise() -> None:
    assert judged(*EVENTFUL) == []


def test_nothing_recorded_is_nothing_broken() -> None:
    assert judged() == []


def test_every_request_that_fails_is_a_violation() -> None:
    failed = Answer("m", 1, 2, False, 503, who="client-3", error="no-model")
    (violation,) = judged(failed)
    assert violation.promise == Promise.AVAILABILITY
    assert violation.at == 2
    assert all(word in violation.message for word in ("client-3", "503", "no-model"))
    assert "no answer" in judged(Answer("m", 1, 2, False, 0))[0].message


def test_an_answer_is_computed_by_the_version_that_it_names() -> None:
    assert broken(answer(1, 2, 1, A, computed_by=B)) == [Promise.ATTRIBUTION]
    assert broken(answer(1, 2, 1, A, computed_by=B, stale=True)) == [Promise.ATTRIBUTION]
    assert broken(answer(1, 2, 1, A, computed_by=A)) == []


def test_an_answer_has_rows_of_one_version() -> None:
    assert broken(answer(1, 2, 1, A, versions_seen=(A, B))) == [Promise.ATOMICITY]
    assert broken(answer(1, 2, 1, A, versions_seen=(B,))) == [Promise.ATOMICITY]
    assert broken(answer(1, 2, 1, A, versions_seen=(A, A))) == []


def test_no_client_gets_an_older_version_after_any_client_got_a_newer_one() -> None:
    (violation,) = judged(answer(1, 2, 2, B, who="client-1"), answer(2.5, 3, 1, A, who="client-2"))
    assert violation.promise == Promise.NO_WAY_BACK
    assert all(word in violation.message for word in ("client-1", "client-2", B[:12], A[:12]))


@pytest.mark.parametrize(
    "answers",
    [
        (answer(1, 2, 2, B), answer(1.5, 3, 1, A)),  # they overlap
        (answer(1, 2, 2, B), answer(2, 3, 1, A)),  # at one moment
        (answer(1, 2, 2, B), answer(2.5, 3, 1, A, stale=True)),  # it has the stale mark
        (answer(1, 2, 2, B, stale=True), answer(2.5, 3, 1, A)),  # a stale answer proves nothing to later requests
        (answer(1, 2, 1, B), answer(2.5, 3, 2, A), answer(4, 5, 3, B)),  # a rollback is a rollout of its own
        (answer(1, 2, 2, B), Answer("other", 2.5, 3, True, 200, 1, A)),
    ],
)
def test_allowed_orders_of_answers_are_no_violation(answers) -> None:
    assert broken(*answers) == []


def test_the_way_back_is_seen_across_many_answers_that_ended_since() -> None:
    others = [answer(3 + number, 3.5 + number, 3, C, stale=True) for number in range(50)]
    assert broken(answer(1, 2, 2, B), *others, answer(60, 61, 1, A)) == [Promise.NO_WAY_BACK]


def test_what_starts_after_the_acknowledgement_is_answered_by_the_rollout() -> None:
    acknowledged = rolled(2, B, 0, 5)
    (violation,) = judged(acknowledged, answer(5.5, 6, 1, A))
    assert violation.promise == Promise.FRESHNESS
    assert broken(acknowledged, answer(5.5, 6, 1, A, stale=True)) == []
    assert broken(acknowledged, answer(4.9, 6, 1, A)) == []
    assert broken(acknowledged, answer(5, 6, 1, A)) == []
    assert broken(acknowledged, answer(5.5, 6, 3, A)) == []


@pytest.mark.parametrize("outcome", [ABORTED, UNKNOWN])
def test_only_a_rollout_that_was_acknowledged_must_be_followed(outcome: str) -> None:
    assert broken(rolled(2, B, 0, 5, outcome), answer(6, 7, 1, A)) == []


def test_the_highest_acknowledgement_counts_and_not_the_last() -> None:
    assert broken(rolled(3, A, 0, 4), rolled(2, B, 0, 5), answer(6, 7, 2, B)) == [Promise.FRESHNESS]


@pytest.mark.parametrize("stale", [False, True])
def test_what_was_rejected_never_answers(stale: bool) -> None:
    assert broken(published(B, outcome=REJECTED), answer(1, 2, 1, B, stale=stale)) == [Promise.SAFETY]


@pytest.mark.parametrize("outcome", [ADMITTED, UNKNOWN])
def test_what_was_rejected_once_may_be_admitted_at_another_try(outcome: str) -> None:
    assert broken(published(B, outcome=REJECTED), published(B, outcome=outcome), answer(1, 2, 1, B)) == []


def test_what_the_store_never_had_does_not_answer() -> None:
    entry = Final("m", 9, (Current(1, B),), (A,), ())
    assert sorted(broken(answer(1, 2, 1, B), entry)) == [Promise.DURABILITY, Promise.SAFETY]


def test_what_was_aborted_does_not_answer() -> None:
    aborted = rolled(2, B, 0, 1, ABORTED)
    assert broken(aborted, answer(1, 2, 2, B)) == [Promise.SAFETY]
    assert broken(aborted, answer(1, 2, 2, B, stale=True), final(A)) == [Promise.SAFETY]
    assert broken(aborted, answer(1, 2, 2, B), rolled(2, B, 2, 3)) == []
    assert broken(aborted, answer(1, 2, 2, B), rolled(None, B, 2, 3, UNKNOWN)) == []
    assert broken(aborted, answer(1, 2, 2, B), rolled(2, B, 2, 3, UNKNOWN)) == []
    assert broken(aborted, answer(1, 2, 1, A)) == []


def test_an_answer_with_a_number_that_the_ledger_does_not_have_is_a_violation() -> None:
    assert broken(answer(1, 2, 2, A), final(A)) == [Promise.SAFETY]
    assert broken(answer(101, 102, 2, B), final(A)) == []  # rolled after the ledger was read


def test_an_answer_names_the_version_that_was_rolled_by_its_number() -> None:
    expected = [Promise.ONE_VERSION, Promise.SAFETY]
    assert sorted(broken(answer(1, 2, 1, B, stale=True), final(A, versions=(B,)))) == expected
    assert sorted(broken(answer(1, 2, 1, B), rolled(1, A, 0, 1))) == expected
    assert broken(answer(1, 2, 1, A), final(A, versions=(B,))) == []


def test_a_sequence_number_is_of_one_version() -> None:
    assert broken(answer(1, 2, 1, A), answer(1, 2, 1, B), answer(1, 2, 1, B)) == [Promise.ONE_VERSION]
    assert broken(rolled(1, A, 0, 1), rolled(1, B, 0, 1)) == [Promise.ONE_VERSION]
    twice = Final("m", 9, (Current(1, A), Current(1, B)), (A, B), ())
    assert broken(twice) == [Promise.ONE_VERSION]
    assert broken(answer(1, 2, 1, A), Answer("other", 1, 2, True, 200, 1, B)) == []


def test_an_acknowledged_publish_is_there_at_the_end() -> None:
    assert broken(published(B), final(A)) == [Promise.DURABILITY]
    assert broken(published(B), final(A, versions=(B,))) == []
    assert broken(published(B, end=101), final(A)) == []  # after the state was read


@pytest.mark.parametrize("outcome", [REJECTED, UNKNOWN])
def test_a_publish_that_was_not_acknowledged_may_be_there_or_not(outcome: str) -> None:
    assert broken(published(B, outcome=outcome), final(A)) == []
    assert broken(published(B, outcome=outcome), final(A, versions=(B,))) == []


def test_an_acknowledged_rollout_is_in_the_ledger_at_the_end() -> None:
    assert broken(rolled(2, B, 0, 1), final(A, versions=(B,))) == [Promise.DURABILITY]
    assert Promise.DURABILITY in broken(rolled(1, B, 0, 1), final(A, versions=(B,)))
    assert broken(rolled(1, A, 0, 1), final(A)) == []
    assert broken(rolled(2, B, 0, 101), final(A)) == []


def test_a_rollout_that_was_not_acknowledged_is_there_whole_or_not_at_all() -> None:
    assert broken(rolled(2, B, 0, 1, UNKNOWN), final(A)) == []
    assert broken(rolled(2, B, 0, 1, UNKNOWN), final(A, B)) == []
    half = Final("m", 9, (Current(1, A), Current(2, B)), (A,), ())
    assert broken(rolled(2, B, 0, 1, UNKNOWN), half) == [Promise.DURABILITY]


def test_the_last_state_that_was_read_is_the_one_that_counts() -> None:
    assert broken(published(B), final(A, at=50), final(A, versions=(B,), at=60)) == []
    assert broken(published(B), final(A, versions=(B,), at=50), final(A, at=60)) == [Promise.DURABILITY]


@pytest.mark.parametrize(
    "replica", [("r2", 1, A, False), ("r2", 2, B, True), ("r2", 2, A, False), ("r2", None, None, False)]
)
def test_in_the_end_every_replica_serves_the_last_version_unstale(replica) -> None:
    (violation,) = judged(final(A, B, replicas=(("r1", 2, B, False), replica)))
    assert violation.promise == Promise.CONVERGENCE
    assert "r2" in violation.message


def test_the_last_version_is_that_of_the_highest_number_in_whichever_order_the_ledger_is_listed() -> None:
    replicas = (ReplicaState("r", 2, B, False),)
    assert broken(Final("m", 9, (Current(2, B), Current(1, A)), (A, B), replicas)) == []


def test_a_replica_of_a_model_that_was_never_rolled_holds_nothing() -> None:
    assert broken(final(replicas=(("r1", None, None, False),))) == []
    assert broken(final(replicas=(("r1", 1, A, False),))) == [Promise.CONVERGENCE]


def test_the_state_is_read_in_time_after_the_last_fault() -> None:
    faults = (Fault("one", 0, 90), Fault("other", 1, 94))
    assert broken(*faults, final(A), within_s=6.0) == []
    assert broken(*faults, final(A), within_s=5.0) == [Promise.CONVERGENCE]
    assert broken(*faults, rolled(1, A, 94, 97), final(A), within_s=5.0) == []
    assert broken(*faults, rolled(1, A, 94, 101), final(A), within_s=5.0) == [Promise.CONVERGENCE]
    assert broken(Fault("not healed", 0, 101), final(A)) == [Promise.CONVERGENCE]


def test_no_answer_is_stale_for_long_after_the_last_fault() -> None:
    fault = Fault("model_server is killed", 0, 10)
    assert broken(fault, answer(14, 16, 1, A, stale=True), within_s=5.0) == []
    assert broken(fault, answer(15.5, 16, 1, A, stale=True), within_s=5.0) == [Promise.CONVERGENCE]
    assert broken(fault, answer(15.5, 16, 1, A), within_s=5.0) == []
    assert broken(answer(15.5, 16, 1, A, stale=True)) == []  # the history has no fault


def test_violations_come_in_the_order_of_time() -> None:
    violations = judged(Answer("m", 8, 9, False, 503), answer(1, 2, 1, A, computed_by=B), Answer("b", 4, 5, False, 500))
    assert [one.at for one in violations] == [2, 5, 9]

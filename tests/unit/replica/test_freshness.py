"""Freshness: whether a request is answered now, waits, or gets a stale response."""

import pytest

from predict_api.replica.freshness import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    RENEW_EVERY,
    Checks,
    Freshness,
    Outcome,
    Verdict,
)


class OneModel(Freshness):
    """The freshness of a replica's only model, with its checks."""

    def __init__(self, now: float, renew_every: float = RENEW_EVERY) -> None:
        self.checks = Checks(now, renew_every)
        super().__init__(self.checks)

    def send(self, now: float) -> int:
        self.check = self.checks.send(now)
        return self.check

    def finish(self, outcome: Outcome, now: float, lease_s: float = 0.0) -> None:
        self.note(outcome, self.check, leased=lease_s > 0)
        self.checks.finish(now, lease_s)


def test_a_request_waits_for_a_check_before_anything_was_checked() -> None:
    freshness = OneModel(now=0.0)
    arrival = freshness.arrive(0.0)
    assert arrival.verdict is Verdict.WAIT
    assert freshness.verdict(arrival.check) is Verdict.WAIT


def test_requests_that_arrive_before_a_check_is_sent_share_it() -> None:
    freshness = OneModel(now=0.0)
    checks = {freshness.arrive(0.0).check for _ in range(5)}
    assert checks == {freshness.send(0.0)}
    freshness.finish(Outcome.CONFIRMED, 0.01)
    assert freshness.verdict(checks.pop()) is Verdict.CONFIRMED


def test_no_request_joins_the_check_in_flight() -> None:
    freshness = OneModel(now=0.0)
    first = freshness.arrive(0.0)
    in_flight = freshness.send(0.0)
    late = freshness.arrive(0.001)
    assert (first.check, late.check) == (in_flight, in_flight + 1)
    freshness.finish(Outcome.CONFIRMED, 0.002)
    assert freshness.verdict(first.check) is Verdict.CONFIRMED
    assert freshness.verdict(late.check) is Verdict.WAIT


def test_there_is_at_most_one_check_in_flight_and_one_queued() -> None:
    freshness = OneModel(now=0.0)
    freshness.arrive(0.0)
    freshness.send(0.0)
    late = {freshness.arrive(0.001).check for _ in range(10)}
    assert len(late) == 1
    assert freshness.checks.next_send() is None
    with pytest.raises(RuntimeError):
        freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.002)
    assert freshness.checks.next_send() == float("-inf")
    assert freshness.send(0.0) == late.pop()


def test_a_check_that_was_confirmed_does_not_answer_a_later_request() -> None:
    freshness = OneModel(now=0.0)
    freshness.arrive(0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.01)
    assert freshness.arrive(0.02).verdict is Verdict.WAIT


@pytest.mark.parametrize("outcome", [Outcome.BEHIND, Outcome.ABSENT])
def test_an_answer_that_does_not_confirm_makes_its_requests_stale_but_later_ones_still_ask(outcome: Outcome) -> None:
    freshness = OneModel(now=0.0)
    check = freshness.arrive(0.0).check
    freshness.send(0.0)
    freshness.finish(outcome, 0.01)
    assert freshness.verdict(check) is Verdict.STALE
    assert not freshness.broken
    assert freshness.arrive(0.02).verdict is Verdict.WAIT


def test_after_a_failed_check_no_request_waits() -> None:
    freshness = OneModel(now=0.0)
    waiting = freshness.arrive(0.0)
    freshness.send(0.0)
    queued = freshness.arrive(0.001)
    freshness.checks.fail(0.01)
    assert freshness.verdict(waiting.check) is Verdict.STALE
    assert freshness.verdict(queued.check) is Verdict.STALE
    assert freshness.arrive(0.02).verdict is Verdict.STALE


def test_failed_checks_are_retried_with_a_growing_bounded_pause() -> None:
    freshness = OneModel(now=0.0)
    pauses = []
    for _ in range(8):
        freshness.send(0.0)
        freshness.checks.fail(100.0)
        due = freshness.checks.next_send()
        assert due is not None
        pauses.append(due - 100.0)
    assert pauses[0] == pytest.approx(FIRST_PAUSE)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE)


def test_the_first_check_that_works_closes_the_breaker() -> None:
    freshness = OneModel(now=0.0)
    freshness.send(0.0)
    freshness.checks.fail(0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 1.0)
    assert not freshness.broken
    assert freshness.arrive(1.1).verdict is Verdict.WAIT


def test_a_request_whose_time_is_over_goes_stale_and_spares_the_next_ones() -> None:
    freshness = OneModel(now=0.0)
    arrival = freshness.arrive(0.0)
    freshness.send(0.0)
    assert freshness.give_up(arrival.check) is Verdict.STALE
    assert freshness.arrive(0.3).verdict is Verdict.STALE
    freshness.finish(Outcome.CONFIRMED, 0.4)
    assert freshness.arrive(0.5).verdict is Verdict.WAIT


def test_a_request_that_gives_up_after_all_was_confirmed_is_not_stale() -> None:
    freshness = OneModel(now=0.0)
    arrival = freshness.arrive(0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.1)
    assert freshness.give_up(arrival.check) is Verdict.CONFIRMED
    assert not freshness.broken


def test_without_requests_a_check_is_due_every_so_often() -> None:
    freshness = OneModel(now=5.0)
    assert freshness.checks.next_send() == 5.0
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 5.1)
    assert freshness.checks.next_send() == pytest.approx(5.1 + RENEW_EVERY)
    freshness.checks.hasten(5.2)
    assert freshness.checks.next_send() == pytest.approx(5.2)


def test_a_check_that_was_not_sent_cannot_end() -> None:
    with pytest.raises(RuntimeError):
        Checks(now=0.0).finish(0.0)
    with pytest.raises(RuntimeError):
        Checks(now=0.0).fail(0.0)


def test_while_a_lease_holds_requests_are_answered_without_a_check() -> None:
    freshness = OneModel(now=0.0)
    freshness.arrive(0.0)
    freshness.send(1.0)
    freshness.finish(Outcome.CONFIRMED, 1.2, lease_s=1.0)
    assert freshness.arrive(1.999).verdict is Verdict.CONFIRMED
    assert freshness.arrive(2.0).verdict is Verdict.WAIT  # a lease counts from the send, not from the response


def test_a_lease_is_renewed_well_before_it_ends() -> None:
    freshness = OneModel(now=0.0, renew_every=5.0)
    freshness.send(1.0)
    freshness.finish(Outcome.CONFIRMED, 1.1, lease_s=0.9)
    assert freshness.checks.next_send() == pytest.approx(1.3)


def test_a_lease_outlives_a_check_that_fails_but_not_one_that_contradicts() -> None:
    freshness = OneModel(now=0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.01, lease_s=1.0)
    freshness.send(0.3)
    freshness.checks.fail(0.4)
    assert freshness.arrive(0.5).verdict is Verdict.CONFIRMED
    assert freshness.arrive(1.0).verdict is Verdict.STALE
    freshness.send(1.1)
    freshness.finish(Outcome.CONFIRMED, 1.2, lease_s=1.0)
    freshness.send(1.3)
    freshness.finish(Outcome.BEHIND, 1.4, lease_s=1.0)
    assert freshness.arrive(1.5).verdict is Verdict.WAIT


def two_models() -> tuple[Checks, Freshness, Freshness]:
    """Two models that a first check, sent at 0, confirmed with a lease of 1 s."""
    checks = Checks(now=0.0)
    first, second = Freshness(checks), Freshness(checks)
    check = checks.send(0.0)
    for model in (first, second):
        model.note(Outcome.CONFIRMED, check, leased=True)
    checks.finish(0.01, 1.0)
    return checks, first, second


def test_a_check_that_finds_nothing_changed_renews_the_leases_of_all_models() -> None:
    checks, first, second = two_models()
    checks.send(0.9)
    checks.finish(0.91, 1.0)
    assert first.leased(1.5)
    assert second.leased(1.5)
    assert first.confirmed_at() == second.confirmed_at() == 0.9


def test_a_fenced_model_has_no_lease_while_the_others_have_theirs() -> None:
    checks, first, second = two_models()
    first.note(Outcome.CONFIRMED, checks.send(0.3), leased=False)
    checks.finish(0.31, 1.0)
    assert not first.leased(0.4)
    assert first.arrive(0.4).verdict is Verdict.WAIT
    assert second.leased(1.2)


def test_the_lease_of_an_earlier_check_is_none_of_a_model_that_it_fenced() -> None:
    checks, first, _ = two_models()
    first.note(Outcome.CONFIRMED, checks.send(0.3), leased=False)
    checks.finish(0.31, 1.0)
    first.note(Outcome.CONFIRMED, checks.send(0.5), leased=True)
    assert not first.leased(0.6)  # the check has not ended: the lease that holds is the one that left the model out
    checks.finish(0.7, 1.0)
    assert first.leased(0.8)


def test_a_model_that_is_behind_is_not_confirmed_by_the_check_of_all() -> None:
    checks, first, second = two_models()
    first.note(Outcome.BEHIND, checks.send(0.3), leased=True)
    checks.finish(0.31, 1.0)
    waiting = first.arrive(0.4)
    assert checks.send(0.41) == waiting.check
    checks.finish(0.42, 1.0)
    assert first.verdict(waiting.check) is Verdict.STALE
    assert first.confirmed_at() == 0.0
    assert second.leased(1.3)


def test_a_version_that_cannot_follow_breaks_its_model_alone() -> None:
    checks, first, second = two_models()
    first.note(Outcome.FAILED, checks.send(0.3), leased=True)
    checks.finish(0.31, 0.0)
    assert first.broken
    assert first.arrive(2.0).verdict is Verdict.STALE
    assert not second.broken
    assert second.arrive(2.0).verdict is Verdict.WAIT


def test_a_model_that_was_added_waits_for_a_check_that_asks_about_it() -> None:
    checks, _, _ = two_models()
    added = Freshness(checks)
    assert not added.leased(0.1)
    arrival = added.arrive(0.1)
    added.note(Outcome.CONFIRMED, checks.send(0.2), leased=True)
    checks.finish(0.21, 1.0)
    assert added.verdict(arrival.check) is Verdict.CONFIRMED

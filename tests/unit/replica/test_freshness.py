"""Freshness: whether a request is answered now, waits, or gets a stale response."""

import pytest

from predict_api.replica.freshness import FIRST_PAUSE, LONGEST_PAUSE, RENEW_EVERY, Freshness, Outcome, Verdict


def test_a_request_waits_for_a_check_before_anything_was_checked() -> None:
    freshness = Freshness(now=0.0)
    arrival = freshness.arrive(0.0)
    assert arrival.verdict is Verdict.WAIT
    assert freshness.verdict(arrival.check) is Verdict.WAIT


def test_requests_that_arrive_before_a_check_is_sent_share_it() -> None:
    freshness = Freshness(now=0.0)
    checks = {freshness.arrive(0.0).check for _ in range(5)}
    assert checks == {freshness.send(0.0)}
    freshness.finish(Outcome.CONFIRMED, 0.01)
    assert freshness.verdict(checks.pop()) is Verdict.CONFIRMED


def test_no_request_joins_the_check_in_flight() -> None:
    freshness = Freshness(now=0.0)
    first = freshness.arrive(0.0)
    in_flight = freshness.send(0.0)
    late = freshness.arrive(0.001)
    assert (first.check, late.check) == (in_flight, in_flight + 1)
    freshness.finish(Outcome.CONFIRMED, 0.002)
    assert freshness.verdict(first.check) is Verdict.CONFIRMED
    assert freshness.verdict(late.check) is Verdict.WAIT


def test_there_is_at_most_one_check_in_flight_and_one_queued() -> None:
    freshness = Freshness(now=0.0)
    freshness.arrive(0.0)
    freshness.send(0.0)
    late = {freshness.arrive(0.001).check for _ in range(10)}
    assert len(late) == 1
    assert freshness.next_send() is None
    with pytest.raises(RuntimeError):
        freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.002)
    assert freshness.next_send() == float("-inf")
    assert freshness.send(0.0) == late.pop()


def test_a_check_that_was_confirmed_does_not_answer_a_later_request() -> None:
    freshness = Freshness(now=0.0)
    freshness.arrive(0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.01)
    assert freshness.arrive(0.02).verdict is Verdict.WAIT


@pytest.mark.parametrize("outcome", [Outcome.BEHIND, Outcome.ABSENT])
def test_an_answer_that_does_not_confirm_makes_its_requests_stale_but_later_ones_still_ask(outcome: Outcome) -> None:
    freshness = Freshness(now=0.0)
    check = freshness.arrive(0.0).check
    freshness.send(0.0)
    freshness.finish(outcome, 0.01)
    assert freshness.verdict(check) is Verdict.STALE
    assert not freshness.broken
    assert freshness.arrive(0.02).verdict is Verdict.WAIT


def test_after_a_failed_check_no_request_waits() -> None:
    freshness = Freshness(now=0.0)
    waiting = freshness.arrive(0.0)
    freshness.send(0.0)
    queued = freshness.arrive(0.001)
    freshness.finish(Outcome.FAILED, 0.01)
    assert freshness.verdict(waiting.check) is Verdict.STALE
    assert freshness.verdict(queued.check) is Verdict.STALE
    assert freshness.arrive(0.02).verdict is Verdict.STALE


def test_failed_checks_are_retried_with_a_growing_bounded_pause() -> None:
    freshness = Freshness(now=0.0)
    pauses = []
    for _ in range(8):
        freshness.send(0.0)
        freshness.finish(Outcome.FAILED, 100.0)
        due = freshness.next_send()
        assert due is not None
        pauses.append(due - 100.0)
    assert pauses[0] == pytest.approx(FIRST_PAUSE)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE)


def test_the_first_check_that_works_closes_the_breaker() -> None:
    freshness = Freshness(now=0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.FAILED, 0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 1.0)
    assert not freshness.broken
    assert freshness.arrive(1.1).verdict is Verdict.WAIT


def test_a_request_whose_time_is_over_goes_stale_and_spares_the_next_ones() -> None:
    freshness = Freshness(now=0.0)
    arrival = freshness.arrive(0.0)
    freshness.send(0.0)
    assert freshness.give_up(arrival.check) is Verdict.STALE
    assert freshness.arrive(0.3).verdict is Verdict.STALE
    freshness.finish(Outcome.CONFIRMED, 0.4)
    assert freshness.arrive(0.5).verdict is Verdict.WAIT


def test_a_request_that_gives_up_after_all_was_confirmed_is_not_stale() -> None:
    freshness = Freshness(now=0.0)
    arrival = freshness.arrive(0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.1)
    assert freshness.give_up(arrival.check) is Verdict.CONFIRMED
    assert not freshness.broken


def test_without_requests_a_check_is_due_every_so_often() -> None:
    freshness = Freshness(now=5.0)
    assert freshness.next_send() == 5.0
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 5.1)
    assert freshness.next_send() == pytest.approx(5.1 + RENEW_EVERY)
    freshness.hasten(5.2)
    assert freshness.next_send() == pytest.approx(5.2)


def test_a_check_that_was_not_sent_cannot_end() -> None:
    with pytest.raises(RuntimeError):
        Freshness(now=0.0).finish(Outcome.CONFIRMED, 0.0)


def test_while_a_lease_holds_requests_are_answered_without_a_check() -> None:
    freshness = Freshness(now=0.0)
    freshness.arrive(0.0)
    freshness.send(1.0)
    freshness.finish(Outcome.CONFIRMED, 1.2, lease_s=1.0)
    assert freshness.arrive(1.999).verdict is Verdict.CONFIRMED
    assert freshness.arrive(2.0).verdict is Verdict.WAIT  # a lease counts from the send, not from the response


def test_a_lease_is_renewed_well_before_it_ends() -> None:
    freshness = Freshness(now=0.0, renew_every=5.0)
    freshness.send(1.0)
    freshness.finish(Outcome.CONFIRMED, 1.1, lease_s=0.9)
    assert freshness.next_send() == pytest.approx(1.3)


def test_a_lease_outlives_a_check_that_fails_but_not_one_that_contradicts() -> None:
    freshness = Freshness(now=0.0)
    freshness.send(0.0)
    freshness.finish(Outcome.CONFIRMED, 0.01, lease_s=1.0)
    freshness.send(0.3)
    freshness.finish(Outcome.FAILED, 0.4)
    assert freshness.arrive(0.5).verdict is Verdict.CONFIRMED
    assert freshness.arrive(1.0).verdict is Verdict.STALE
    freshness.send(1.1)
    freshness.finish(Outcome.CONFIRMED, 1.2, lease_s=1.0)
    freshness.send(1.3)
    freshness.finish(Outcome.BEHIND, 1.4, lease_s=1.0)
    assert freshness.arrive(1.5).verdict is Verdict.WAIT

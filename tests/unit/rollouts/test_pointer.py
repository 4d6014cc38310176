"""The leased pointer: the version that checks get, and the times at which leases are granted."""

from changeover.protocol.lease import Granted
from changeover.protocol.wire import Current
from model_server.rollouts.pointer import LeasedPointer

A, B = Current(1, "a" * 64), Current(2, "b" * 64)


def test_after_a_restart_checks_get_no_lease_until_the_earlier_leases_have_expired() -> None:
    leased_pointer = LeasedPointer()
    leased_pointer.succeed(A, 1.0, 10.0)
    assert leased_pointer.grant(1000, 11.0) == (leased_pointer.pointer, 0)
    assert leased_pointer.pointer.current == A
    assert not leased_pointer.granted.over(11.0)
    assert leased_pointer.grant(1000, 11.02) == (leased_pointer.pointer, 1000)
    assert not leased_pointer.granted.over(12.02)
    assert leased_pointer.granted.over(12.04)


def test_no_lease_is_granted_while_a_rollout_fences() -> None:
    leased_pointer = LeasedPointer()
    leased_pointer.adopt(A)
    leased_pointer.stop_granting()
    assert leased_pointer.grant(1000, 1e9)[1] == 0
    leased_pointer.grant_again()
    assert leased_pointer.grant(1000, 1e9)[1] == 1000


def test_a_lease_needs_a_current_version() -> None:
    leased_pointer = LeasedPointer()
    assert leased_pointer.grant(1000, 1.0)[1] == 0
    assert leased_pointer.granted.over(1.0)


def test_the_pointer_never_goes_back() -> None:
    leased_pointer = LeasedPointer()
    assert leased_pointer.adopt(B)
    assert not leased_pointer.adopt(A)
    assert not leased_pointer.adopt(B)
    leased_pointer.announce(A.version)
    assert (leased_pointer.pointer.current, leased_pointer.pointer.next_version) == (B, A.version)


def test_an_entry_of_another_process_is_followed_when_the_leases_on_older_ones_are_over() -> None:
    leased_pointer = LeasedPointer()
    leased_pointer.adopt(A)
    leased_pointer.grant(1000, 10.0)
    assert not leased_pointer.follow(B, 10.5)
    assert leased_pointer.grant(1000, 10.6) == (leased_pointer.pointer, 0)
    assert not leased_pointer.follow(B, 11.0)
    assert leased_pointer.pointer.current == A
    assert leased_pointer.follow(B, 11.02)
    assert leased_pointer.pointer.current == B
    assert leased_pointer.grant(1000, 11.03)[1] == 1000


def test_a_fence_waits_for_the_leases_on_the_set_that_were_granted_before_it() -> None:
    leased_pointer = LeasedPointer()
    leased_pointer.adopt(A)
    leased_pointer.stop_granting(Granted(20.0))
    assert not leased_pointer.granted.over(19.9)
    leased_pointer.stop_granting(Granted(30.0))  # it is in no lease that was granted since
    assert leased_pointer.granted.over(20.0)

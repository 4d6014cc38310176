"""model_server/rollouts/pointer.py: what a check is told, and when leases are granted."""

from changeover.protocol.wire import Current
from model_server.rollouts.pointer import Standing

A, B = Current(1, "a" * 64), Current(2, "b" * 64)


def test_after_a_restart_the_old_pointer_is_told_without_a_lease_until_former_ones_are_over() -> None:
    standing = Standing()
    standing.succeed(A, 1.0, 10.0)
    assert standing.grant(1000, 11.0) == (standing.pointer, 0)
    assert standing.pointer.current == A
    assert not standing.granted.over(11.0)
    assert standing.grant(1000, 11.02) == (standing.pointer, 1000)
    assert not standing.granted.over(12.02)
    assert standing.granted.over(12.04)


def test_no_lease_is_granted_while_a_rollout_fences() -> None:
    standing = Standing()
    standing.adopt(A)
    standing.stop_granting()
    assert standing.grant(1000, 1e9)[1] == 0
    standing.grant_again()
    assert standing.grant(1000, 1e9)[1] == 1000


def test_a_lease_needs_something_that_is_current() -> None:
    standing = Standing()
    assert standing.grant(1000, 1.0)[1] == 0
    assert standing.granted.over(1.0)


def test_what_is_told_never_goes_back() -> None:
    standing = Standing()
    assert standing.adopt(B)
    assert not standing.adopt(A)
    assert not standing.adopt(B)
    standing.announce(A.version)
    assert (standing.pointer.current, standing.pointer.next_version) == (B, A.version)


def test_an_entry_of_another_process_is_followed_when_the_leases_on_older_ones_are_over() -> None:
    standing = Standing()
    standing.adopt(A)
    standing.grant(1000, 10.0)
    assert not standing.follow(B, 10.5)
    assert standing.grant(1000, 10.6) == (standing.pointer, 0)
    assert not standing.follow(B, 11.0)
    assert standing.pointer.current == A
    assert standing.follow(B, 11.02)
    assert standing.pointer.current == B
    assert standing.grant(1000, 11.03)[1] == 1000

"""The lease: it ends at the replica before it ends at the server, on clocks that differ within the margin."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from changeover.protocol.lease import MARGIN, Granted, Held

RATE = st.floats(0.9, 1.1)


@given(delay=st.floats(0.0, 5.0), lease_s=st.floats(0.001, 10.0), replica_rate=RATE, server_rate=RATE)
def test_when_the_server_says_that_leases_are_over_no_replica_holds_one(
    delay: float, lease_s: float, replica_rate: float, server_rate: float
) -> None:
    assume(server_rate / replica_rate <= 1 + MARGIN)
    # True time counts from the send; each clock shows its own multiple of it.
    held = Held.since(0.0, lease_s)
    granted = Granted().grant(lease_s, delay * server_rate)
    over_at = granted.latest_expiry / server_rate
    assert not held.holds(over_at * replica_rate + 1e-9)


def test_without_the_margin_a_slow_clock_would_hold_on_too_long() -> None:
    held, granted = Held.since(0.0, 1.0), Granted().grant(1.0, 0.0)
    assert held.holds(1.0 / 1.0099)
    assert not held.holds(granted.latest_expiry / 1.0099)


def test_the_servers_state_is_the_latest_expiry() -> None:
    granted = Granted().grant(1.0, 10.0).grant(0.1, 10.5)
    assert granted.latest_expiry == pytest.approx(11.01)
    assert not granted.over(11.0)
    assert granted.over(11.02)


def test_nothing_granted_is_over_and_nothing_held_does_not_hold() -> None:
    assert Granted().over(0.0)
    assert not Held().holds(0.0)
    assert not Held.since(5.0, 0.0).holds(5.0)
    assert Held().renew_at(1.0) == float("inf")


def test_a_lease_holds_from_the_send_until_its_end_and_is_renewed_after_a_third() -> None:
    held = Held.since(5.0, 0.9)
    assert held.holds(5.89)
    assert not held.holds(5.9)
    assert held.renew_at(5.0) == pytest.approx(5.3)

"""The takeover of a start from the previous run: unexpired leases, and an entry that must wait."""

from changeover.protocol.wire import Current
from model_server.ledger.takeover import LONGEST_LEASE_MS, Takeover, take_over
from model_server.settings import ServerSettings

NEWEST = Current(3, "c" * 64)


def test_a_complete_hint_is_not_changed() -> None:
    assert take_over({"sequence": 3, "lease_ms": 1000}, NEWEST, 1000) == Takeover(1000, False, None)


def test_a_longer_lease_is_promised_before_the_first_is_granted() -> None:
    takeover = take_over({"sequence": 3, "lease_ms": 0}, NEWEST, 1000)
    assert takeover == Takeover(0, False, {"sequence": 3, "lease_ms": 1000})


def test_a_shorter_lease_does_not_make_a_second_restart_forget_the_longer_one() -> None:
    assert take_over({"sequence": 3, "lease_ms": 5000}, NEWEST, 200) == Takeover(5000, False, None)


def test_an_entry_newer_than_the_hint_waits_before_it_is_answered_by() -> None:
    assert take_over({"sequence": 2, "lease_ms": 1000}, NEWEST, 1000) == Takeover(1000, True, None)
    takeover = take_over({"sequence": 2, "lease_ms": 1000}, NEWEST, 2000)
    assert takeover == Takeover(1000, True, {"sequence": 2, "lease_ms": 2000})


def test_without_a_hint_leases_may_be_as_long_as_any_and_on_any_entry() -> None:
    for hint in ({}, {"sequence": "3", "lease_ms": -1}):
        assert take_over(hint, NEWEST, 1000) == Takeover(
            LONGEST_LEASE_MS, True, {"sequence": 1, "lease_ms": LONGEST_LEASE_MS}
        )
    assert not take_over({}, Current(1, "a" * 64), 1000).wait


def test_a_hint_ahead_of_the_ledger_is_not_believed_and_hides_no_older_leases() -> None:
    for ahead in (4, 9, 10**30):
        takeover = take_over({"sequence": ahead, "lease_ms": 1000}, NEWEST, 1000)
        assert takeover == Takeover(1000, True, {"sequence": 1, "lease_ms": 1000})


def test_a_hint_of_a_lease_longer_than_any_is_capped_and_put_right() -> None:
    for lease_ms in (LONGEST_LEASE_MS + 1, 10**12, True, 1e9, "9"):
        takeover = take_over({"sequence": 3, "lease_ms": lease_ms}, NEWEST, 1000)
        assert takeover == Takeover(LONGEST_LEASE_MS, False, {"sequence": 3, "lease_ms": LONGEST_LEASE_MS})


def test_no_setting_allows_a_lease_longer_than_the_longest() -> None:
    bounds = ServerSettings.model_fields["lease_ms"].metadata
    assert LONGEST_LEASE_MS in {getattr(bound, "le", None) for bound in bounds}

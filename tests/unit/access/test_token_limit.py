"""The limit of calls with invalid tokens, by address and by the name of a token that has ended."""

from model_server.access.login_limit import MOST, WINDOW_S
from model_server.access.token_limit import _MOST_KEYS, TokenLimit
from tests.unit.access.test_browsers import Clock

HERE = "10.0.0.1"


def guess(limit: TokenLimit, *numbers: int, address: str = HERE) -> None:
    """Fail with these different tokens."""
    for number in numbers:
        limit.failed(address, f"guess-{number}")


def test_an_address_may_try_ten_different_tokens_a_minute() -> None:
    clock = Clock()
    limit = TokenLimit(clock)
    guess(limit, *range(MOST - 1))
    assert limit.wait_s(HERE, "guess-9") == 0
    guess(limit, 9)
    clock.time += 20
    assert limit.wait_s(HERE, "guess-10") == WINDOW_S - 20
    assert limit.wait_s(HERE, "guess-3") == 0, "it is known to be wrong, and may have become right"
    assert limit.wait_s("10.0.0.2", "guess-10") == 0
    clock.time += WINDOW_S - 20
    assert limit.wait_s(HERE, "guess-10") == 0
    guess(limit, *range(10, 10 + MOST))
    assert limit.wait_s(HERE, "guess-99") > 0, "the next minute has its own count"


def test_one_invalid_token_again_and_again_counts_once() -> None:
    limit = TokenLimit(Clock())
    guess(limit, *([1] * 100))
    assert limit.wait_s(HERE, "another") == 0


def test_a_token_that_was_valid_from_this_address_is_not_slowed_down() -> None:
    limit = TokenLimit(Clock())
    limit.succeeded(HERE, "token-of-ann")
    guess(limit, *range(MOST))
    assert limit.wait_s(HERE, "token-of-ann") == 0
    assert limit.wait_s(HERE, "token-of-bob") > 0
    limit.failed(HERE, "token-of-ann")
    assert limit.wait_s(HERE, "token-of-ann") > 0, "it was revoked meanwhile"


def test_the_addresses_of_one_machine_in_ipv6_are_one() -> None:
    limit = TokenLimit(Clock())
    for number in range(MOST):
        guess(limit, number, address=f"2001:db8::{number:x}")
    assert limit.wait_s("2001:db8::ffff", "another") > 0


def test_a_token_that_has_ended_is_slowed_down_by_its_name_whatever_the_address() -> None:
    clock = Clock()
    limit = TokenLimit(clock)
    assert [limit.ended("ann") for _ in range(MOST + 2)] == [0] * MOST + [int(WINDOW_S)] * 2
    assert limit.ended("bob") == 0
    clock.time += WINDOW_S
    assert limit.ended("ann") == 0


def test_its_memory_is_bounded() -> None:
    limit = TokenLimit(Clock())
    for number in range(_MOST_KEYS + 50):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        limit.failed(address, "guess")
        limit.succeeded(address, "good")
        limit.ended(f"name-{number}")
    assert [len(entries) for entries in (limit._failed, limit._good, limit._ended)] == [_MOST_KEYS] * 3

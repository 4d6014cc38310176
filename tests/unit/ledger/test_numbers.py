"""The numbers of a ledger that count: consecutive ones, whatever numbers another writer has used."""

from collections.abc import Iterator

import pytest

from model_server.ledger.numbers import Numbers, count
from object_store.keys import LAST_SEQUENCE


@pytest.mark.parametrize(
    ("listed", "counted", "hint", "expected"),
    [
        ([], 0, 0, Numbers()),
        ([], 0, 9, Numbers()),
        ([], 7, 0, Numbers(7)),
        ([1, 2, 3], 0, 0, Numbers(3)),
        ([1, 2, 3], 0, LAST_SEQUENCE, Numbers(3)),
        ([8, 9], 7, 0, Numbers(9)),
        ([1, 2, 9], 0, 0, Numbers(2, 9)),
        ([1, 2, LAST_SEQUENCE], 0, LAST_SEQUENCE, Numbers(2, LAST_SEQUENCE)),
        ([8, 15, 16], 7, 16, Numbers(8, 15)),
        ([15], 7, 15, Numbers(7, 15)),
        ([LAST_SEQUENCE], 0, 0, Numbers(0, LAST_SEQUENCE)),
        ([5, 6, 7], 0, 0, Numbers(0, 5)),
        ([5, 6, 7], 0, 4, Numbers(0, 5)),
        ([5, 6, 7], 0, 6, Numbers(7)),  # the first entries were lost, and the ledger continued
        ([5, 6, 9], 0, 9, Numbers(0, 5)),
        ([5, 6, 9], 0, 5, Numbers(6, 9)),
    ],
)
def test_the_numbers_that_count(listed: list[int], counted: int, hint: int, expected: Numbers) -> None:
    assert count(listed, counted, hint) == expected


def test_the_listing_ends_at_the_first_missing_number() -> None:
    numbers_read: list[int] = []

    def listed() -> Iterator[int]:
        for number in (1, 2, 1000, 1001, 1002):
            numbers_read.append(number)
            yield number

    assert count(listed(), 0, 0) == Numbers(2, 1000)
    assert numbers_read == [1, 2, 1000]

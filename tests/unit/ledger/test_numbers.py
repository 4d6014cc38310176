"""Which numbers of a ledger count: those that follow one another, however far off another writer's are."""

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
        ([5, 6, 7], 0, 6, Numbers(7)),  # the first entries were lost, and the ledger went on
        ([5, 6, 9], 0, 9, Numbers(0, 5)),
        ([5, 6, 9], 0, 5, Numbers(6, 9)),
    ],
)
def test_what_counts(listed: list[int], counted: int, hint: int, expected: Numbers) -> None:
    assert count(listed, counted, hint) == expected


def test_no_more_is_listed_than_to_the_first_gap() -> None:
    asked: list[int] = []

    def listed() -> Iterator[int]:
        for number in (1, 2, 1000, 1001, 1002):
            asked.append(number)
            yield number

    assert count(listed(), 0, 0) == Numbers(2, 1000)
    assert asked == [1, 2, 1000]

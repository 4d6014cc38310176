"""The line of the answers in a watch: what moved, false alarms however often one looks, and power."""

import random

import pytest

from model_server.rollouts.watch_answers import moved, says


def drawn(seed: int, count: int, *shares: float) -> list[int]:
    labels = random.Random(seed).choices(range(len(shares)), shares, k=count)
    return [labels.count(each) for each in range(len(shares))]


@pytest.mark.parametrize(
    ("before", "after", "another"),
    [
        ((500, 500), (500, 500), False),
        ((500, 500), (5000, 0), True),
        ((1000, 0), (500, 500), True),
        ((1000, 0, 0), (0, 0, 1000), True),
        ((99, 0), (0, 5000), False),
        ((5000, 0), (0, 99), False),
        ((5000, 5000), (5500, 4500), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_share_that_moved_far_leaves_the_line(before: tuple[int, ...], after: tuple[int, ...], another: bool) -> None:
    assert moved(before, after) is another


def test_a_version_with_the_same_answers_is_never_rolled_back_however_often_one_looks() -> None:
    for seed in range(100):
        before, after = drawn(seed, 150, 0.6, 0.3, 0.1), [0, 0, 0]
        for look in range(100):
            after = [a + b for a, b in zip(after, drawn(10_000 + 100 * seed + look, 20, 0.6, 0.3, 0.1), strict=True)]
            assert not moved(before, after)


def test_a_share_on_the_line_is_let_be() -> None:
    for seed in range(100):
        assert not moved(drawn(seed, 5000, 0.5, 0.5), drawn(seed + 1000, 5000, 0.6, 0.4))


def test_a_label_that_becomes_twice_as_frequent_is_found_within_a_few_hundred_requests() -> None:
    for seed in range(100):
        assert moved(drawn(seed, 600, 0.7, 0.3), drawn(seed + 1000, 600, 0.4, 0.6))


def test_it_says_what_moved() -> None:
    assert says((70, 20, 10), (400, 350, 250)) == (
        "one label is 40 % of the answers to 1000 requests since the switch, 70 % of 100 before it, "
        "and at most 10 % of the answers may move"
    )
    assert says((), ()) == says((0, 0), (1, 2)) == ""

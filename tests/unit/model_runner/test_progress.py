"""The share of the processor that is too little for a preparation of the lowest priority."""

import pytest

from model_runner.pool.progress import starves


@pytest.mark.parametrize(
    ("elapsed", "used", "expected"),
    [
        (0.9, 0.0, False),  # too soon to say
        (1.0, 0.0, True),
        (2.0, 1.0, False),
        (2.0, 0.7, True),
        (20.0, 18.0, False),
        (20.0, 12.0, True),  # it would take long, and longer than with the usual priority
    ],
)
def test_less_than_a_share_of_a_processor_is_too_little(elapsed: float, used: float, expected: bool) -> None:
    assert starves(elapsed, used) is expected

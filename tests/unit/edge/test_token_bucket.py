"""The token bucket: a burst without a pause, then the rate, and no more than that in any time."""

from hypothesis import given
from hypothesis import strategies as st

from predict_api.edge.token_bucket import take


def test_a_full_bucket_gives_its_burst_and_then_one_token_at_a_time() -> None:
    full_at, now = 0.0, 1000.0
    for _ in range(3):
        full_at, wait = take(full_at, now, rate=2, burst=3)
        assert wait == 0
    kept, wait = take(full_at, now, rate=2, burst=3)
    assert (kept, wait) == (full_at, 0.5)
    full_at, wait = take(full_at, now + 0.5, rate=2, burst=3)
    assert wait == 0
    assert take(full_at, now + 0.5, rate=2, burst=3)[1] == 0.5
    assert [take(full_at, now + 60, rate=2, burst=3)[1] for _ in range(3)] == [0, 0, 0]


def test_a_bucket_of_a_slower_rate_before_is_empty_and_no_longer() -> None:
    slow = 1000.0 + 3600  # an hour until it is full
    assert take(slow, 1000.0, rate=8, burst=8)[1] == 0.125


@given(
    rate=st.floats(0.01, 1000),
    burst=st.floats(1, 100),
    pauses=st.lists(st.floats(0, 2), max_size=200),
)
def test_no_stretch_of_time_has_more_than_the_burst_and_the_rate(
    rate: float, burst: float, pauses: list[float]
) -> None:
    full_at, now, answered = 0.0, 1e6, 0
    for pause in pauses:
        now += pause
        full_at, wait = take(full_at, now, rate, burst)
        answered += wait == 0
    assert answered <= burst + rate * sum(pauses[1:]) + 1e-3

"""The statistics of drift, compared with scipy's."""

import pytest
from scipy import stats

from changeover.drift.statistics import chi2_quantile, chi2_tail, distance, noise_line, share_interval


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 19, 24, 399])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-4, 1e-6])
def test_the_quantile_of_chi_squared_is_that_of_scipy(freedom: int, alpha: float) -> None:
    expected = stats.chi2.isf(alpha, freedom)
    assert chi2_quantile(freedom, alpha) == pytest.approx(expected, rel=1e-6)
    assert chi2_tail(freedom, expected) == pytest.approx(alpha, rel=1e-6)


def test_the_line_falls_with_the_number_of_rows() -> None:
    assert noise_line(5000, 1000, 10, 0.01) == pytest.approx(0.026, abs=0.0005)
    assert noise_line(5000, 10_000, 10, 0.01) == pytest.approx(0.0065, abs=0.0005)


@pytest.mark.parametrize(("count", "rows"), [(0, 200), (1, 200), (57, 200), (200, 200)])
def test_the_interval_of_a_share_is_wilsons(count: int, rows: int) -> None:
    expected = stats.binomtest(count, rows).proportion_ci(0.99, method="wilson")
    assert share_interval(count, rows, 0.01) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_is_known_of_a_share_of_no_rows() -> None:
    assert share_interval(0, 0, 0.01) == (0.0, 1.0)


def test_the_distance_is_wassersteins() -> None:
    before, now, centres = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [1.0, 2.0, 4.0]
    total, change = distance(before, now, centres)
    assert total == pytest.approx(stats.wasserstein_distance(centres, centres, before, now))
    assert change == pytest.approx(0.9)

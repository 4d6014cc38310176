"""The statistics of drift: the population stability index and its line, distances on bins, intervals of shares."""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final

SMOOTHING: Final = 0.5  # added to the count of each bin
_HALVINGS: Final = 80  # of an interval, down to the precision of a float


def shares(counts: Sequence[int]) -> list[float]:
    """The share of each bin, smoothed by SMOOTHING."""
    total = sum(counts) + SMOOTHING * len(counts)
    return [(count + SMOOTHING) / total for count in counts]


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two vectors of counts: the sum of (p - q) ln(p / q) over their shares.

    Siddiqi, Credit Risk Scorecards (2006); it is the symmetric divergence of Jeffreys (1946).
    """
    return sum((p - q) * math.log(p / q) for p, q in zip(shares(now), shares(before), strict=True))


def noise_line(before: int, now: int, bins: int, alpha: float) -> float:
    """The index that chance exceeds with probability `alpha`, for these numbers of rows.

    Without a change, the index is distributed as (1/n + 1/m) times chi-squared with `bins` - 1 degrees of freedom: Yurdakul,
    Statistical Properties of Population Stability Index (2018).
    """
    return (1 / before + 1 / now) * chi2_quantile(bins - 1, alpha)


@lru_cache(maxsize=4096)
def chi2_quantile(freedom: int, alpha: float) -> float:
    """The value that chi-squared with `freedom` degrees of freedom exceeds with probability `alpha`."""
    low, high = 0.0, float(freedom) + 10.0
    while chi2_tail(freedom, high) > alpha:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chi2_tail(freedom, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def chi2_tail(freedom: int, value: float) -> float:
    """The probability that chi-squared with `freedom` degrees of freedom exceeds `value`.

    The finite sums 26.4.4 and 26.4.5 of Abramowitz and Stegun, Handbook of Mathematical Functions; exact.
    """
    if value <= 0:
        return 1.0
    half = value / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for index in range(1, freedom // 2):
            term *= half / index
            total += term
        return total
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(value) * math.exp(-half) * math.sqrt(2 / math.pi)
    for index in range(1, (freedom + 1) // 2):
        total += term
        term *= value / (2 * index + 1)
    return total


def distance(before: Sequence[float], now: Sequence[float], centres: Sequence[float]) -> tuple[float, float]:
    """The Wasserstein distance of two distributions on bins with these centres, and the change of their mean."""
    moved = total = 0.0
    for p, q, centre, following in zip(now, before, centres, centres[1:], strict=False):
        moved += p - q
        total += abs(moved) * (following - centre)
    change = sum((p - q) * centre for p, q, centre in zip(now, before, centres, strict=True))
    return total, change


def share_interval(count: int, rows: int, alpha: float) -> tuple[float, float]:
    """The interval of a share of `rows`, with confidence 1 - `alpha`: Wilson, JASA 22 (1927)."""
    if rows == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - alpha / 2)
    share, spread = count / rows, z * z / rows
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return max(0.0, centre - half), min(1.0, centre + half)

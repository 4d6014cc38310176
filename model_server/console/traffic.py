"""The traffic of a model for its page: requests a second, latency, errors and stale answers of the last minutes."""

from typing import Final

from changeover.protocol.traffic_counts import SECONDS, TrafficCounts, quantile_s
from model_server.console.parts import Page

LINE: Final = 0.001  # the share of failed or stale answers from which on the page colours them


def traffic(window: tuple[TrafficCounts, float] | None) -> Page | None:
    """The figures of `Traffic.window`; None if no worker has reported any. A quantile is the end of the bin it lies in."""
    if window is None:
        return None
    counts, seconds = window
    requests = counts.requests
    return {
        "seconds": round(seconds, 1),
        "requests": requests,
        "per_second": round(requests / max(1.0, seconds), 2),
        "p50_ms": _milliseconds(counts, 0.5),
        "p99_ms": _milliseconds(counts, 0.99),
        "timed": sum(counts.seconds),
        "slowest_bin_ms": SECONDS[-1] * 1000,
        "refused": counts.refused,
        "failed": counts.failed,
        "failed_share": counts.failed / requests if requests else 0.0,
        "line": LINE,
        "stale": counts.stale,
        "stale_share": counts.stale / requests if requests else 0.0,
    }


def _milliseconds(counts: TrafficCounts, share: float) -> float | None:
    """A quantile in milliseconds; None beyond the last bin, or without a request."""
    end = quantile_s(counts.seconds, share)
    return None if end is None else round(end * 1000, 3)

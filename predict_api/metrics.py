"""The Prometheus metrics of predict_api, over all its workers.

Workers write into files of PROMETHEUS_MULTIPROC_DIR, which must be set before this module is imported. The worker that
serves `/metrics` adds them up, those of dead workers included.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS: Final = Counter("changeover_requests_total", "Answers, by model and status", ["model", "status"])
SECONDS: Final = Histogram("changeover_request_seconds", "Seconds until the answer", ["model"], buckets=_BUCKETS)
CALLER_REQUESTS: Final = Counter(
    "changeover_caller_requests_total",
    "Answers to requests with an API key, by its name and status",
    ["caller", "status"],
)
STALE: Final = Counter("changeover_stale_answers_total", "Answers that could not be confirmed as current", ["model"])
CHECKS: Final = Counter(
    "changeover_checks_total", "Freshness checks of all models in one call, by outcome", ["outcome"]
)
SWITCHES: Final = Counter("changeover_switches_total", "Switches of a worker to another version", ["model"])
PREPARE_FAILURES: Final = Counter("changeover_prepare_failures_total", "Versions that could not be prepared", ["model"])
REFUSED: Final = Counter(
    "changeover_sequence_refused_total", "Checks that named a lower sequence, or another version under one", ["model"]
)
RUNNER_ENDS: Final = Counter(
    "changeover_runner_ends_total", "Processes of models that ended while they computed an answer", ["model", "cause"]
)
ACTIVE_WORKERS: Final = Gauge(
    "changeover_workers_holding",
    "Workers that answer by this version",
    ["model", "version", "sequence"],
    multiprocess_mode="livesum",
)


_requests: dict[tuple[str, str], Counter] = {}
_seconds: dict[str, Histogram] = {}


def count_response(model: str, status: str, seconds: float, *, stale: bool) -> None:
    """Count the response to a request. `model` is an existing model, or empty."""
    try:
        count, took = _requests[model, status], _seconds[model]  # labels() takes longer than the rest of this function
    except KeyError:
        count = _requests[model, status] = REQUESTS.labels(model, status)
        took = _seconds[model] = SECONDS.labels(model)
    count.inc()
    took.observe(seconds)
    if stale:
        STALE.labels(model).inc()


def count_caller(name: str, status: str) -> None:
    """Count the response to a caller with an API key."""
    CALLER_REQUESTS.labels(name, status).inc()


def exposition(directory: Path) -> bytes:
    """The metrics of all workers that use `directory`, in the Prometheus text format."""
    _forget_the_dead(directory)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(directory: Path) -> None:
    """Remove the gauges of dead workers, which have no active version; their counters stay."""
    for path in directory.glob("gauge_live*_*.db"):
        pid = path.stem.rsplit("_", 1)[1]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(int(pid), str(directory))  # type: ignore[no-untyped-call]
        except (PermissionError, ValueError):
            continue

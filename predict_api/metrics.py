"""The metrics of predict_api: names, labels and types. `docs/metrics.md` lists them.

Workers write into files of PROMETHEUS_MULTIPROC_DIR, which must be set before this module is imported.
`predict_api/exposition.py` adds them up.
"""

from functools import cache
from time import time
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.samples import Sample

from changeover.protocol.traffic_counts import SECONDS as BINS
from changeover.protocol.traffic_counts import TrafficCounts

_BUCKETS: Final = BINS
_WAITS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REQUESTS: Final = Counter(
    "changeover_requests_total",
    "Responses, by model, version, runtime and status",
    ["model", "version", "runtime", "status"],
)
SECONDS: Final = Histogram(
    "changeover_request_seconds", "Seconds until the response", ["model", "version", "runtime"], buckets=_BUCKETS
)
CALLER_REQUESTS: Final = Counter(
    "changeover_caller_requests_total",
    "Responses to requests with an API key, by its name and status",
    ["caller", "status"],
)
STALE: Final = Counter("changeover_stale_answers_total", "Answers that were not confirmed as current", ["model"])
QUEUE_LENGTH: Final = Gauge(
    "changeover_queue_length", "Requests that wait for their turn in a worker", multiprocess_mode="livesum"
)
QUEUE_SECONDS: Final = Histogram(
    "changeover_queue_wait_seconds", "Seconds for which a request waited in the queue", buckets=_WAITS
)
QUEUE_REFUSED: Final = Counter("changeover_queue_refused_total", "Requests that were refused: too many wait")
BATCH_REQUESTS: Final = Histogram(
    "changeover_batch_requests", "Requests in one call of a model's process", ["model"], buckets=_SIZES
)
BATCH_ROWS: Final = Histogram(
    "changeover_batch_rows", "Rows in one call of a model's process", ["model"], buckets=(*_SIZES, 1024, 4096)
)
CHECKS: Final = Counter(
    "changeover_checks_total", "Freshness checks of all models in one call, by outcome", ["outcome"]
)
CHECK_SECONDS: Final = Histogram("changeover_check_seconds", "Seconds of a freshness check", buckets=_BUCKETS)
SWITCHES: Final = Counter("changeover_switches_total", "Switches of a worker to another version", ["model"])
PREPARE_FAILURES: Final = Counter("changeover_prepare_failures_total", "Versions that could not be prepared", ["model"])
REFUSED: Final = Counter(
    "changeover_sequence_refused_total", "Checks that named a lower sequence, or another version under one", ["model"]
)
SEALS_REFUSED: Final = Counter(
    "changeover_seals_refused_total", "Ledger entries and manifests that were refused for their seal", ["model"]
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
_MOST_CHILDREN: Final = 4096  # of `_responses`; an application that answers for more is looked up again

Key = tuple[str, str, str, str]  # model, version, runtime, status

_responses: dict[Key, tuple[Counter, Histogram]] = {}
_of_models: dict[str, dict[Key, tuple[Counter, Histogram]]] = {}  # all of them, by model


def count_response(model: str, version: str, runtime: str, status: str, seconds: float) -> None:
    """Count the response to a request. `model` is an existing model, or empty, as are `version` and `runtime`."""
    key = (model, version, runtime, status)
    try:
        count, took = _responses[key]  # labels() takes longer than the rest of this function
    except KeyError:
        if len(_responses) >= _MOST_CHILDREN:
            _responses.clear()
        children = REQUESTS.labels(*key), SECONDS.labels(model, version, runtime)
        count, took = _responses[key] = children
        _of_models.setdefault(model, {})[key] = children
    count.inc()
    took.observe(seconds)


def count_stale(model: str) -> None:
    """Count an answer that was not confirmed as current."""
    STALE.labels(model).inc()


def count_caller(name: str, status: str) -> None:
    """Count the response to a caller with an API key."""
    CALLER_REQUESTS.labels(name, status).inc()


def begin_model(model: str) -> None:
    """Begin the counters of a model with 0, so that a rate sees their first event."""
    _of_models.setdefault(model, {})
    for counter in (STALE, SWITCHES, PREPARE_FAILURES, REFUSED, SEALS_REFUSED):
        counter.labels(model)


def counted_models() -> list[str]:
    """The models whose responses this worker counts."""
    return [model for model in list(_of_models) if model]


def responses(model: str) -> int:
    """The number of responses of this worker for a model."""
    return sum(_value(count) for count, _ in list(_of_models[model].values()))


def traffic(model: str) -> TrafficCounts:
    """The responses of this worker for a model by their status and time, as its metrics have counted them."""
    classes = {"4": 0, "5": 0, "": 0}
    series = list(_of_models[model].items())
    for (_, _, _, status), (count, _) in series:
        classes[status[:1] if status[:1] in classes else ""] += _value(count)
    seconds = [0] * (len(BINS) + 1)
    for took in {id(took): took for _, (_, took) in series}.values():
        upto = [int(sample.value) for sample in _samples(took) if sample.name.endswith("_bucket")]
        for index, (below, end) in enumerate(zip([0, *upto], upto, strict=False)):
            seconds[index] += end - below
    return TrafficCounts(classes[""], classes["4"], classes["5"], _value(STALE.labels(model)), tuple(seconds))


def _value(counter: Counter) -> int:
    return int(next(sample.value for sample in _samples(counter) if sample.name.endswith("_total")))


def _samples(metric: Counter | Histogram) -> list[Sample]:
    """The samples of one series of this process."""
    return [sample for each in metric.collect() for sample in each.samples]


def record_check(sent_ago: float, seconds: float, lease: float) -> None:
    """Record a freshness check that was answered: sent `sent_ago` seconds ago, with a lease of `lease` seconds from then."""
    CHECK_SECONDS.observe(seconds)
    checked, ends = _lease_gauges()
    sent_at = time() - sent_ago
    checked.set(sent_at)
    ends.set(sent_at + lease)


@cache
def _lease_gauges() -> tuple[Gauge, Gauge]:
    """The gauges of this worker's lease. The first check makes them: a process that sends none has no time of one."""
    return (
        Gauge(
            "changeover_last_check_timestamp_seconds",
            "Unix time at which the last freshness check that was answered was sent",
            multiprocess_mode="liveall",
        ),
        Gauge(
            "changeover_lease_end_timestamp_seconds",
            "Unix time at which the lease of that check ends",
            multiprocess_mode="liveall",
        ),
    )

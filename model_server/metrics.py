"""The metrics of model_server, for `/metrics`; `docs/metrics.md` lists them.

It is one process, so it needs no multiprocess registry.
"""

from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from object_store.exceptions import StoreUnavailable

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which predict_api does not have
CHECKS = Counter("changeover_server_checks_total", "Freshness checks answered", ["model", "answer"])
PUBLISHES = Counter("changeover_server_publishes_total", "Uploads by what became of them", ["model", "outcome"])
ROLLOUTS = Counter("changeover_server_rollouts_total", "Rollouts by their end", ["model", "state"])
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROLLOUT_SECONDS = Histogram(
    "changeover_server_rollout_seconds",
    "Seconds from the beginning of a rollout to its end",
    ["model", "state"],
    buckets=_SECONDS,
)
PHASE_SECONDS = Histogram(
    "changeover_server_rollout_phase_seconds", "Seconds of a phase of a rollout", ["model", "phase"], buckets=_SECONDS
)
_ROLLOUT_AGE = Gauge(
    "changeover_server_rollout_age_seconds", "Seconds since the rollout under way began; 0 without one", ["model"]
)
PREPARE_TIMEOUT = Gauge("changeover_server_prepare_timeout_seconds", "The setting PREPARE_TIMEOUT")
SEQUENCE = Gauge("changeover_server_current_sequence", "The ledger sequence that is current", ["model"])
REPLICAS = Gauge("changeover_server_replicas", "Replicas that a rollout would wait for", ["model"])
STORE_FAILURES = Counter("changeover_server_store_failures_total", "Calls that the store failed", ["cause"])
STORE_FAILURES.labels(StoreUnavailable.__name__)  # begins with 0
STORE_UP = Gauge("changeover_server_store_up", "1 if the store answered the last call of a background loop, else 0")
SEALS_BROKEN = Counter("changeover_server_seals_broken_total", "Objects found without a valid seal")
WEBHOOKS = Counter("changeover_server_webhooks_total", "Attempts to send a webhook", ["outcome"])
for _outcome in ("delivered", "failed"):
    WEBHOOKS.labels(_outcome)  # begins with 0
WEBHOOKS_PENDING = Gauge("changeover_server_webhooks_pending", "Events that wait for an address of WEBHOOK_URLS")
REQUESTS = Counter("changeover_server_requests_total", "Requests by method and status", ["method", "status"])
DRIFT_PSI = Gauge(
    "changeover_drift_psi",
    "The stability index of a column, or of a value of the answers, in the last window; of the 20 that changed most",
    ["model", "column"],
)
DRIFT_LINE = Gauge("changeover_drift_line", "What chance explains of that index", ["model", "column"])
MISSING = Counter("changeover_missing_total", "Missing values in the rows that were counted", ["model"])
UNSEEN = Counter("changeover_unseen_total", "Values of categories that the reference does not know", ["model"])


def rollout_age(model: str, age: Callable[[], float] | None) -> None:
    """Have `age` called for the age of the model's rollout; None: there is no rollout under way."""
    _ROLLOUT_AGE.labels(model).set_function(age or float)

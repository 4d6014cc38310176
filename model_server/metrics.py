"""The Prometheus metrics of model_server, for `/metrics`. It is one process, so it needs no multiprocess registry."""

from prometheus_client import Counter, Gauge, Histogram

CHECKS = Counter("changeover_server_checks_total", "Freshness checks answered", ["model", "answer"])
PUBLISHES = Counter("changeover_server_publishes_total", "Uploads by what became of them", ["model", "outcome"])
ROLLOUTS = Counter("changeover_server_rollouts_total", "Rollouts by their end", ["model", "state"])
ROLLOUT_SECONDS = Histogram(
    "changeover_server_rollout_seconds",
    "Seconds from the beginning of a rollout to its end",
    ["model", "state"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SEQUENCE = Gauge("changeover_server_current_sequence", "The ledger sequence that is current", ["model"])
REPLICAS = Gauge("changeover_server_replicas", "Replicas that a rollout would wait for", ["model"])
STORE_FAILURES = Counter("changeover_server_store_failures_total", "Calls that the store failed", ["cause"])
REQUESTS = Counter("changeover_server_requests_total", "Requests by method and status", ["method", "status"])
DRIFT_PSI = Gauge(
    "changeover_drift_psi",
    "The stability index of a column, or of a value of the answers, in the last window; of the 20 that changed most",
    ["model", "column"],
)
DRIFT_LINE = Gauge("changeover_drift_line", "What chance explains of that index", ["model", "column"])
MISSING = Counter("changeover_missing_total", "Missing values in the rows that were counted", ["model"])
UNSEEN = Counter("changeover_unseen_total", "Values of categories that the reference does not know", ["model"])

"""The traffic of this worker for model_server: the totals of the metrics, of the models whose totals have changed."""

from typing import Final

from changeover.protocol.drift_counts import MOST_MODELS
from changeover.protocol.traffic_counts import TrafficCounts
from predict_api import metrics

EVERY_SECONDS: Final = 5.0


class Traffic:
    """The totals that model_server does not have yet. For one thread."""

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}  # the responses of each model that model_server knows of
        self._due = 0.0

    def to_send(self, now: float, *, last: bool = False) -> dict[str, TrafficCounts]:
        """The totals of the models whose number of responses has changed, every five seconds, and the `last` ones."""
        if now < self._due and not last:
            return {}
        self._due = now + EVERY_SECONDS
        changed = (model for model in metrics.counted_models() if metrics.responses(model) != self._sent.get(model))
        return {model: metrics.traffic(model) for model, _ in zip(changed, range(MOST_MODELS), strict=False)}

    def sent(self, totals: dict[str, TrafficCounts]) -> None:
        """Record that model_server has these."""
        self._sent |= {model: counts.requests for model, counts in totals.items()}

    def send_again(self) -> None:
        """Send all of them again: model_server has restarted."""
        self._sent.clear()
        self._due = 0.0

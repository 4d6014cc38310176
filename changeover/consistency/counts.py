"""Counts over a history: requests, errors, stale answers, rollouts and the slowest answer."""

from dataclasses import asdict, dataclass

from changeover.consistency.records import History
from changeover.json_types import JsonObject
from changeover.protocol.wire import RolloutState


@dataclass(frozen=True)
class Counts:
    """The counts; `stale_share` is of successful answers, 0 to 1; `worst_latency_s` is of all, in seconds."""

    requests: int
    failed: int
    stale_share: float
    rollouts: int
    committed: int
    publishes: int
    faults: int
    worst_latency_s: float

    def to_json(self) -> JsonObject:
        """The same as JSON."""
        return asdict(self)

    def rows(self) -> list[list[str]]:
        """The counts as (name, value) rows, for people."""
        return [
            ["requests", str(self.requests)],
            ["failed", str(self.failed)],
            ["stale share", f"{self.stale_share:.2%}"],
            ["rollouts", f"{self.rollouts}, {self.committed} of them committed"],
            ["publishes", str(self.publishes)],
            ["faults", str(self.faults)],
            ["worst latency", f"{1000 * self.worst_latency_s:.1f} ms"],
        ]


def count(history: History) -> Counts:
    """Count the records of all models together."""
    answered = [answer for answer in history.answers if answer.ok]
    return Counts(
        requests=len(history.answers),
        failed=len(history.answers) - len(answered),
        stale_share=sum(answer.stale for answer in answered) / max(1, len(answered)),
        rollouts=len(history.rollouts),
        committed=sum(rollout.state == RolloutState.COMMITTED for rollout in history.rollouts),
        publishes=len(history.publishes),
        faults=len(history.faults),
        worst_latency_s=max((answer.end - answer.start for answer in history.answers), default=0.0),
    )

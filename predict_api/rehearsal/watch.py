"""The watch of a switch in this worker: requests and failures of the version before it, and of the one after it."""

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from changeover.estimator.scores import Scores
from changeover.protocol.rehearsal_counts import MILLISECONDS
from changeover.protocol.watch_counts import LABEL_BINS, WatchCounts
from predict_api.scoring.interfaces import Prepared, RequestRows


@dataclass
class Answers:
    """The requests of one version, and those that failed. Of requests at the same moment, one may be missed."""

    requests: int = 0
    failures: int = 0
    milliseconds: list[int] = field(default_factory=lambda: [0] * (len(MILLISECONDS) + 1))
    labels: list[int] = field(default_factory=lambda: [0] * LABEL_BINS)

    def add(self, rows: RequestRows, scores: Scores, took_s: float) -> None:
        """Count a request that was answered, and the label of one of its rows, another one each time."""
        self.requests += 1
        if scores.labels:
            place = label_bin(scores.labels[self.requests % len(scores.labels)], scores.classes)
            if place is not None:
                self.labels[place] += 1
        self.milliseconds[bisect_left(MILLISECONDS, took_s * 1000)] += 1

    def failed(self) -> None:
        """Count a request that was not."""
        self.requests += 1
        self.failures += 1


def label_bin(label: Any, classes: list[Any] | None) -> int | None:
    """The bin of a label; None for no answer, and for a number of a model without classes."""
    if label is None or (classes is None and isinstance(label, float)):
        return None
    return crc32(json.dumps(label).encode()) % LABEL_BINS


class Watch:
    """The watch `identity`. The replica calls `attach` under its lock; `counts` is for any thread."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self._before, self._after = Answers(), Answers()
        self._at: tuple[Prepared, Answers] | None = None

    @property
    def counts(self) -> WatchCounts:
        """The counts so far."""
        before, after = self._before, self._after
        return WatchCounts(
            self.identity,
            before.requests,
            before.failures,
            after.requests,
            after.failures,
            tuple(before.milliseconds),
            tuple(after.milliseconds),
            tuple(before.labels),
            tuple(after.labels),
        )

    def attach(self, active: Prepared, *, after: bool) -> None:
        """Count the answers of `active` from now on, as those after the switch or before it."""
        answers = self._after if after else self._before
        if self._at is not None and self._at[0] is active and self._at[1] is answers:
            return
        self.end()
        active.tap.join(answers)
        self._at = active, answers

    def end(self) -> None:
        """Count no more."""
        if self._at is not None:
            prepared, answers = self._at
            prepared.tap.leave(answers)
            self._at = None

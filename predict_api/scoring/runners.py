"""The side of one worker of the processes that run models: it takes scorers from the host of its instance."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.schema.schema import Schema
from model_runner.pool.client import HostClient, Scorer, VersionSource
from model_runner.pool.exceptions import NoRunner, NotConfined
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
from predict_api.scoring.ends import RunnerEnds, VersionEnds
from predict_api.scoring.runner_scorer import RunnerScorer, ScoreLimits
from predict_api.scoring.scorer_pool import ScorerPool
from predict_api.scoring.times import queue_seconds

EVERY: Final = 5.0  # seconds between two looks for idle scorers


@dataclass(frozen=True)
class VersionScorers:
    """The scorers of one version: `scorer` answers by them."""

    pool: ScorerPool
    scorer: RunnerScorer


class Runners:
    """The scorers of all versions in this worker. Thread-safe."""

    def __init__(self, directory: Path, client: HostClient, limits: ScoreLimits) -> None:
        """`directory` is private to this instance, and its workers share it."""
        self.client, self._limits = client, limits
        self._pools: weakref.WeakSet[ScorerPool] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.idle = _IdleLoop(self._end_idle)
        self._begun = False
        self.ends = RunnerEnds(directory / "ends.json")
        self.measures: dict[str, bool] | None = None
        self.not_confined: NotConfined | None = None  # why no model may run here

    def begin(self) -> None:
        """Start the threads, once. The host inherits the priority of this thread, so call this before lowering it."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self.client.begin()
                self.idle.start()

    def stop(self) -> None:
        """Stop the thread that ends idle scorers."""
        self.idle.stop()

    def version(
        self,
        manifest: Manifest,
        artifact: Callable[[], bytes],
        *,
        kept: int,
        twin: Callable[[], bytes] | None = None,
        gently: bool = False,
    ) -> VersionScorers:
        """The scorers of a version, of which none runs yet; `kept` of them stay when idle.

        `twin` returns the bytes of the ONNX twin by which they score, empty without one. `gently`: requests have
        priority over the first scorer, with which the version is prepared.
        """
        source = VersionSource(manifest, artifact, twin)

        def new(seconds: float | None) -> Scorer:
            try:
                scorer = self.client.scorer(source, seconds, gently=gently and seconds is None)
            except NotConfined as error:
                self.not_confined = error
                raise
            except (ArtifactUnavailable, ArtifactRefused) as error:
                if seconds is None:
                    raise
                raise NoRunner(f"the model's process has ended, and the model cannot be read again: {error}") from error
            self._note(scorer.measures)
            return scorer

        pool = ScorerPool(new, queue_seconds(self._limits.timeout), kept)
        with self._lock:
            self._pools.add(pool)
        ends = VersionEnds(self.ends, manifest.model, manifest.version)
        schema, joins = Schema.from_json(manifest.schema), manifest.row_independent
        return VersionScorers(pool, RunnerScorer(pool, schema, self._limits, ends, joins=joins))

    def missing_measures(self) -> list[str]:
        """The measures of confinement that do not hold; empty until a runner has begun."""
        return [measure for measure, holds in (self.measures or {}).items() if not holds]

    def _note(self, measures: dict[str, bool]) -> None:
        """Log the measures of confinement when they are known first, or change."""
        if measures == self.measures:
            return
        self.measures = measures
        missing = self.missing_measures()
        event("runner.confined", level="warning" if missing else "info", measures=measures, missing=missing)

    def _end_idle(self, time: float) -> None:
        with self._lock:
            pools = list(self._pools)
        for pool in pools:
            pool.end_idle(time)


class _IdleLoop(Loop):
    """The thread that ends idle scorers."""

    def __init__(self, end_idle: Callable[[float], None]) -> None:
        super().__init__("idle-scorers")
        self._end_idle = end_idle

    def run_once(self, now: float) -> float:
        """End what has been idle for long; returns the seconds until the next step."""
        self._end_idle(now)
        return EVERY

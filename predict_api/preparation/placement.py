"""The preparation of a version: a runner loads and replays it, this worker makes the session of its ONNX twin.

No worker loads a model: its own code runs in confined processes of `model_runner/` only. The session of a large twin is
made in the runner, too, since no other thread of the process can answer while onnxruntime makes it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from changeover import digest
from changeover.estimator import golden_rows
from changeover.estimator.scores import Runtime
from changeover.exceptions import ChangeoverError, GoldenMismatch
from changeover.manifest.manifest import Manifest
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.scoring import LARGE_BYTES, twin_or_model
from changeover.onnx_twin.session import TwinRunner
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.request.reader import RequestReader
from changeover.schema.schema import Schema
from model_runner.pool.client import memory_file
from predict_api.exceptions import ArtifactUnavailable
from predict_api.preparation.turns import MOST, Turns
from predict_api.scoring.interfaces import Counted, Prepared
from predict_api.scoring.onnx_scorer import is_onnx_version, prepared_onnx
from predict_api.scoring.runner_scorer import RunnerScorer
from predict_api.scoring.runners import Runners
from predict_api.scoring.scorers import TwinScorer
from predict_api.scoring.traced_scorer import traced

TwinOf = Callable[[Manifest, str], bytes]  # a manifest and the SHA-256 of the twin that it names -> the twin
REPLAY_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Preparer:
    """The preparer of versions. `keeps`: it keeps the bytes in memory, since there is no cache on the disk.

    `counted` gives the place for the rows of a version, which are counted there.
    """

    runners: Runners
    twin_of: TwinOf
    runtime: Runtime
    turns: Turns
    keeps: bool
    counted: Callable[[Manifest], Counted | None] = lambda _manifest: None

    def prepared(
        self,
        manifest: Manifest,
        artifact: Callable[[], bytes],
        again: Callable[[], bytes] | None = None,
        *,
        gently: bool = False,
    ) -> Prepared:
        """The version that `manifest` describes, ready to answer; raises any error of the version.

        `artifact` returns its verified bytes. `again` (default: `artifact`) returns them for a replacement of a runner
        that has ended. `gently`: another version answers requests meanwhile, and they have priority.
        """
        with self.turns.turn():
            if is_onnx_version(manifest):
                ready = prepared_onnx(artifact(), manifest)
            else:
                read = _Artifact(artifact, again or artifact, keeps=self.keeps)
                ready = self._by_runner(manifest, read, gently=gently)
            return traced(replace(ready, counted=self.counted(manifest)))

    def _by_runner(self, manifest: Manifest, read: "_Artifact", *, gently: bool) -> Prepared:
        schema = Schema.from_json(manifest.schema)
        named = (manifest.twin or {}) if self.runtime is Runtime.ONNX else {}
        expected, size = named.get("sha256"), named.get("size")
        if isinstance(expected, str) and isinstance(size, int) and size > LARGE_BYTES:
            twin_of = partial(self._large_twin, manifest, expected)
            scorers = self.runners.version(manifest, read, kept=1, twin=twin_of, gently=gently)
            scorers.pool.start()
            read.replace_first()
            return Prepared(manifest, scorers.scorer, RequestReader(schema))
        scorers = self.runners.version(manifest, read, kept=0 if isinstance(expected, str) else 1, gently=gently)
        scorers.pool.start()
        read.replace_first()
        twin = self._twin(manifest, expected, schema, scorers.scorer) if isinstance(expected, str) else None
        if twin is None:
            scorers.pool.keep(1)
            return Prepared(manifest, scorers.scorer, RequestReader(schema))
        scorers.pool.end_idle(now(), 0.0)
        return Prepared(manifest, TwinScorer(twin, schema, scorers.scorer), RequestReader(schema))

    def _twin(self, manifest: Manifest, expected: str, schema: Schema, model: RunnerScorer) -> TwinRunner | None:
        """The ONNX twin, if it can be read and passes the golden rows here, too.

        Raises ArtifactRefused for a twin other than the one that the manifest names.
        """
        try:
            buffer = self.twin_of(manifest, expected)
            digest.verify(buffer, expected)
            twin = TwinRunner(buffer, schema)
            either = twin_or_model(twin, schema, lambda columns, rows: model.score_now(columns, rows, REPLAY_SECONDS))
            golden_rows.replay_as_served_by(either, manifest, schema)
        except (ArtifactUnavailable, NoTwin, GoldenMismatch, ImportError) as error:
            _log_without_twin(manifest, error)
            return None
        return twin

    def _large_twin(self, manifest: Manifest, expected: str) -> bytes:
        """The bytes of a twin whose session the runner makes, empty if they cannot be read."""
        try:
            return self.twin_of(manifest, expected)
        except ArtifactUnavailable as error:
            _log_without_twin(manifest, error)
            return b""


def turns_of_a_worker(workers: int) -> Turns:
    """The turns of one of the `workers` of an instance."""
    return Turns(max(1, MOST // workers))


def reason_of(error: Exception) -> str:
    """The message of `error` as one line for the operator."""
    return str(error) if isinstance(error, ChangeoverError) else f"{type(error).__name__}: {error}"


def _log_without_twin(manifest: Manifest, error: Exception) -> None:
    event(
        "replica.without_twin",
        level="warning",
        model=manifest.model,
        version=manifest.version,
        reason=reason_of(error),
    )


class _Artifact:
    """The verified bytes of a version, read when a runner needs them."""

    def __init__(self, first: Callable[[], bytes], again: Callable[[], bytes], *, keeps: bool) -> None:
        self._read, self._again, self._keeps = first, again, keeps
        self._kept: int | None = None

    def __call__(self) -> bytes:
        """The bytes: kept ones, else from the cache or model_server, whose errors propagate."""
        if self._kept is not None:
            return os.pread(self._kept, os.fstat(self._kept).st_size, 0)
        content = self._read()
        if self._keeps:
            self._kept = memory_file(content)
        return content

    def replace_first(self) -> None:
        """Read the bytes by `again` from now on."""
        self._read = self._again

    def __del__(self) -> None:
        if self._kept is not None:
            os.close(self._kept)

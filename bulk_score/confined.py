"""The model itself, in a confined process: for versions without a twin, and for rows that the twin leaves to it.

This process never unpickles. It starts a host of runners of its own, in a private folder, when the first rows need one.
"""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bulk_score.settings import BulkSettings
from changeover.artifact import extra_globals
from changeover.estimator.scores import Scores
from changeover.exceptions import RowsNotAnswered
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import Cell
from model_runner.pool.client import HostClient, Scorer, VersionSource
from model_runner.pool.confinement import MEASURES
from model_runner.pool.exceptions import RunnerEnded
from model_runner.pool.host_messages import HostSettings, Preload
from model_runner.pool.processes import host_folder

SECONDS: Final = 600.0  # for the rows of one call
_ROWS_A_CALL: Final = 20_000


class ConfinedModel:
    """The scorer of one version in a process of the model runner. Thread-safe: one call at a time."""

    def __init__(self, manifest: Manifest, artifact: Callable[[], bytes], settings: BulkSettings) -> None:
        """`artifact` returns the verified bytes, and is called when the first rows are scored."""
        self._source = VersionSource(manifest, artifact)
        self._settings = HostSettings(
            environments={},
            memory_bytes=settings.runner_memory_bytes,
            environments_dir=str(settings.environments_dir or ""),
            preload=Preload(extra_globals=list(extra_globals.names_in(settings.allowed_globals))),
            required=list(MEASURES) if settings.require_confinement else [],
            log_level="error",
        )
        self._lock = threading.Lock()
        self._client: HostClient | None = None
        self._scorer: Scorer | None = None

    def score(self, columns: Sequence[Sequence[Cell]], rows: int) -> Scores:
        """The scores of rows, a list of cells for each column in the schema's order.

        Raises RowsNotAnswered, ScoringFailed, NotPrepared, NoRunner, NotConfined, or RunnerEnded if the process ended twice.
        """
        together = not self._source.manifest.row_independent
        size = rows if together else _ROWS_A_CALL
        with self._lock:
            parts = [self._part(columns, start, min(rows, start + size)) for start in range(0, rows, max(1, size))]
        probabilities = (
            None if parts[0].probabilities is None else [row for part in parts for row in part.probabilities or ()]
        )
        return Scores([label for part in parts for label in part.labels], probabilities, parts[0].classes)

    def _part(self, columns: Sequence[Sequence[Cell]], start: int, end: int) -> Scores:
        cells = [column[start:end] for column in columns]
        try:
            try:
                return self._ready().score(cells, end - start, SECONDS)
            except RunnerEnded:  # the kernel may have ended it for its memory, or a person
                self._scorer = None
                return self._ready().score(cells, end - start, SECONDS)
        except RowsNotAnswered as error:
            rows = [(None if row is None else row + start, message) for row, message in error.rows]
            raise RowsNotAnswered(rows, error.total) from error

    def _ready(self) -> Scorer:
        if self._client is None:
            folder = Path(tempfile.mkdtemp(prefix="changeover-score-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._client = HostClient(host_folder(folder), self._settings)
            self._client.begin()
        if self._scorer is None or not self._scorer.is_alive():
            self._scorer = self._client.scorer(self._source)
        return self._scorer

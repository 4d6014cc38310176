"""The scorer of a version that is an ONNX file: a session in this process, and no runner."""

from collections.abc import Mapping, Sequence
from typing import Final

from changeover import digest
from changeover.estimator import golden_rows
from changeover.estimator.failed_rows import answered
from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.exceptions import ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.onnx_model.examine import TYPE
from changeover.onnx_model.scorer import OnnxModel
from changeover.onnx_twin.graph_check import check_graph
from changeover.process.clock import now
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.scoring.interfaces import Prepared, RequestRows, Turn

SEARCH_SECONDS: Final = 5.0  # in which the search for rows at fault begins calls
Columns = Mapping[str, Sequence[Cell]]


def is_onnx_version(manifest: Manifest) -> bool:
    """Whether the version is an ONNX file."""
    return manifest.estimator.get("type") == TYPE


def prepared_onnx(content: bytes, manifest: Manifest) -> Prepared:
    """The version in `content`, checked, loaded and replayed; raises any error of the version."""
    digest.verify(content, manifest.version)
    schema = Schema.from_json(manifest.schema)
    model = OnnxModel(
        content, check_graph(content), schema, probabilities=manifest.estimator.get("predict_proba") is True
    )
    golden_rows.replay_as_served_by(model.score, manifest, schema)
    return Prepared(manifest, OnnxScorer(model, golden_rows.first(schema, manifest.golden)), RequestReader(schema))


class OnnxScorer:
    """The scorer of one ONNX model. `known_good`: the columns of a row that it answers, if one is known."""

    def __init__(self, model: OnnxModel, known_good: Columns | None = None) -> None:
        self._model, self._known_good = model, known_good

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The scores of typed rows; raises RowsNotAnswered or ScoringFailed."""
        columns, end_by = rows.columns, now() + SEARCH_SECONDS

        def call(indices: Sequence[int]) -> Scores:
            if len(indices) == rows.rows:
                return self._model.score(columns, rows.rows)
            some = {name: [cells[index] for index in indices] for name, cells in columns.items()}
            return self._model.score(some, len(indices))

        return answered(call, rows.rows, options.on_error, self._good, lambda: now() < end_by)

    def _good(self) -> Scores | None:
        """The scores of the row that the model is known to answer, or None."""
        try:
            return None if self._known_good is None else self._model.score(self._known_good, 1)
        except ScoringFailed:
            return None

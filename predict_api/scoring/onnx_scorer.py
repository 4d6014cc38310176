"""The scorer of a version that is an ONNX file: a session in this process, and no runner."""

from changeover import digest
from changeover.estimator import golden_rows
from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from changeover.onnx_model.examine import TYPE
from changeover.onnx_model.scorer import OnnxModel
from changeover.onnx_twin.graph_check import check_graph
from changeover.request.reader import RequestReader
from changeover.schema.schema import Schema
from predict_api.scoring.interfaces import Prepared, RequestRows, Turn


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
    if manifest.golden is not None:
        golden_rows.replay_by(model.score, schema, manifest.golden)
    return Prepared(manifest, OnnxScorer(model), RequestReader(schema))


class OnnxScorer:
    """The scorer of one ONNX model."""

    def __init__(self, model: OnnxModel) -> None:
        self._model = model

    def score(self, rows: RequestRows, turn: Turn) -> Scores:
        """The scores of typed rows; raises ScoringFailed."""
        return self._model.score(rows.columns, rows.rows)

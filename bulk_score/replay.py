"""The replay of one answer: the same inputs, read and scored again by the version that a receipt names.

The caller has verified the manifest. The hashes of artifact and ONNX twin are verified here.
"""

import base64
import sys
from functools import partial

import msgspec

from bulk_score.address import VersionAddress
from bulk_score.confined import ConfinedModel
from bulk_score.messages import Failed, line
from bulk_score.settings import BulkSettings
from bulk_score.versions import artifact_of, twin_of
from changeover.estimator.scores import Runtime, Scores
from changeover.exceptions import AskOriginal, ChangeoverError
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.onnx_model.examine import TYPE
from changeover.onnx_model.scorer import OnnxModel
from changeover.onnx_twin.graph_check import check_graph
from changeover.onnx_twin.scoring import run_twin, score_by_twin
from changeover.onnx_twin.session import TwinRunner
from changeover.request.decode import Decoded
from changeover.request.fast_reader import TypedRows
from changeover.request.reader import RequestReader
from changeover.schema.schema import Schema
from changeover.sealed.receipt import answer_sha256, inputs_sha256

_MOST_ROWS = 1_000_000


class ReplayRequest(msgspec.Struct, frozen=True):
    """What to replay: the first line on standard input. `body` is that of the request, in base64."""

    version: VersionAddress
    manifest: JsonObject
    runtime: Runtime
    body: str


class Replayed(msgspec.Struct, tag="replayed", frozen=True):
    """The digests of the inputs as they were understood, and of the answer."""

    rows: int
    inputs: str
    answer: str


def main() -> None:
    """Replay the request on standard input; the result, or the error, is a line on standard output."""
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReplayRequest)
    try:
        result: Replayed | Failed = replayed(request)
    except (ChangeoverError, OSError) as error:
        result = Failed(type(error).__name__, str(error))
    sys.stdout.buffer.write(line(result))
    sys.stdout.buffer.flush()


def replayed(request: ReplayRequest) -> Replayed:
    """Read and score again; raises the errors of requests, of the source and of the model."""
    manifest = Manifest.from_json(request.manifest)
    schema = Schema.from_json(manifest.schema)
    rows = RequestReader(schema).read(base64.b64decode(request.body), _MOST_ROWS)
    names = [column.name for column in schema.columns]
    scores = _scores(request, manifest, schema, rows)
    return Replayed(rows.rows, inputs_sha256(names, rows.columns), answer_sha256(scores))


def _scores(request: ReplayRequest, manifest: Manifest, schema: Schema, rows: TypedRows | Decoded) -> Scores:
    content = partial(artifact_of, request.version, manifest)
    if manifest.estimator.get("type") == TYPE:
        artifact, probabilities = content(), manifest.estimator.get("predict_proba") is True
        model = OnnxModel(artifact, check_graph(artifact), schema, probabilities=probabilities)
        return model.score(rows.columns, rows.rows)
    if request.runtime is Runtime.ONNX:
        twin = TwinRunner(twin_of(request.version, manifest), schema)
        try:
            if isinstance(rows, TypedRows):
                return run_twin(twin, rows.tensors(), small=True)  # as predict_api does
            return score_by_twin(twin, schema, rows.columns, rows.rows)
        except AskOriginal as error:
            raise ChangeoverError(
                "the twin does not support these rows, and the receipt says that it scored"
            ) from error
    confined = ConfinedModel(manifest, content, BulkSettings.from_environment())
    return confined.score([rows.columns[column.name] for column in schema.columns], rows.rows)

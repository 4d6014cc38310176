"""The preparation of a version in its runner: verify, load, replay the golden rows, warm up.

A version that fails here never answers a request.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import joblib

from changeover import digest
from changeover.artifact.load import load
from changeover.estimator import golden_rows
from changeover.estimator.scoring import score
from changeover.exceptions import ChangeoverError, GoldenMismatch, ScoringFailed
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.scoring import twin_or_model
from changeover.onnx_twin.session import TwinRunner
from changeover.schema.cell_parsers import Cell
from changeover.schema.sample_row import NUMBERS_TO_TRY, made_up_row
from changeover.schema.schema import Schema
from model_runner.messages import Failed
from model_runner.options import Preload
from model_runner.scorer import Scoring


def prepared(files: Sequence[bytes], manifest_body: JsonObject, preload: Preload) -> Scoring | Failed:
    """The version, ready to score, or the reason why it is not. `files` has its artifact, and perhaps its ONNX twin."""
    artifact, *twins = files
    try:
        manifest = Manifest.from_json(manifest_body)
        digest.verify(artifact, manifest.version)
        estimator = load(artifact, preload.rules).estimator
        schema = Schema.from_json(manifest.schema)
        with joblib.parallel_config(backend="sequential"):  # as in `model_runner/scorer.py`
            golden_rows.replay_as_served_by(partial(score, estimator, schema), manifest, schema)
            known_good = golden_rows.first(schema, manifest.golden) or _warm_up(estimator, schema)
            twin, without = _with_twin(twins[0], estimator, manifest, schema) if twins else (None, "")
    except MemoryError:
        return Failed("it needs more memory than RUNNER_MEMORY_BYTES")
    except Exception as error:  # noqa: BLE001  a model's own code may raise anything while it loads or predicts
        return Failed(str(error) if isinstance(error, ChangeoverError) else f"{type(error).__name__}: {error}")
    return Scoring(estimator, schema, known_good, twin, without)


def _with_twin(content: bytes, estimator: object, manifest: Manifest, schema: Schema) -> tuple[TwinRunner | None, str]:
    """The ONNX twin if it passes the golden rows here, too; else None, and the reason."""
    try:
        digest.verify(content, str((manifest.twin or {}).get("sha256")))
        twin = TwinRunner(content, schema)
        either = twin_or_model(twin, schema, partial(score, estimator, schema))
        golden_rows.replay_as_served_by(either, manifest, schema)
    except (NoTwin, GoldenMismatch, ImportError) as error:
        return None, str(error)
    return twin, ""


def _warm_up(estimator: object, schema: Schema) -> dict[str, list[Cell]] | None:
    """Score a sample row, so that the first caller does not wait for the model's initialisation.

    Returns the first of some sample rows that the model answers, or None: it may need other inputs.
    """
    for number in NUMBERS_TO_TRY:
        columns: dict[str, list[Cell]] = {name: [cell] for name, cell in made_up_row(schema, number).items()}
        with suppress(ScoringFailed):
            score(estimator, schema, columns, 1)
            return columns
    return None

"""The preparation of a version in its runner: verify, load, replay the golden rows, warm up.

A version that fails here never answers a request.
"""

from contextlib import suppress
from functools import partial

import joblib

from changeover import digest
from changeover.artifact.load import load
from changeover.estimator import golden_rows
from changeover.estimator.scoring import score
from changeover.exceptions import ChangeoverError, ScoringFailed
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import Cell
from changeover.schema.sample_row import NUMBERS_TO_TRY, made_up_row
from changeover.schema.schema import Schema
from model_runner.messages import Failed
from model_runner.options import Preload
from model_runner.scorer import Scoring


def prepared(buffer: bytes, manifest_body: JsonObject, preload: Preload) -> Scoring | Failed:
    """The version in `buffer`, ready to score, or the reason why it is not."""
    try:
        manifest = Manifest.from_json(manifest_body)
        digest.verify(buffer, manifest.version)
        estimator = load(buffer, preload.rules).estimator
        schema = Schema.from_json(manifest.schema)
        with joblib.parallel_config(backend="sequential"):  # as in `model_runner/scorer.py`
            golden_rows.replay_as_served_by(partial(score, estimator, schema), manifest, schema)
            known_good = golden_rows.first(schema, manifest.golden) or _warm_up(estimator, schema)
    except MemoryError:
        return Failed("it needs more memory than RUNNER_MEMORY_BYTES")
    except Exception as error:  # noqa: BLE001  a model's own code may raise anything while it loads or predicts
        return Failed(str(error) if isinstance(error, ChangeoverError) else f"{type(error).__name__}: {error}")
    return Scoring(estimator, schema, known_good)


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

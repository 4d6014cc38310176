"""The checks of admission; a failed check gives one sentence. Runs in a runner only.

An artifact must load with allowed globals only, have `predict`, and come from the same scikit-learn minor version. It
must have a schema and score a sample row. It must score its golden rows as the publisher recorded, and equally twice.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import joblib

from changeover.artifact import refusal, version_skew
from changeover.artifact.environment import environment
from changeover.artifact.load import LoadedArtifact, load
from changeover.estimator import golden_rows, guesses, row_independence
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scores import Scores
from changeover.estimator.scoring import classes_of, describe, score
from changeover.exceptions import (
    ForbiddenGlobal,
    GoldenMismatch,
    InvalidSchema,
    NotAnEstimator,
    RequestFaults,
    ScoringFailed,
    TooManyRows,
    UnreadableArtifact,
)
from changeover.json_documents import object_in
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft
from changeover.request.decode import decode
from changeover.schema.sample_row import NUMBERS_TO_TRY, made_up_row
from changeover.schema.schema import Schema
from model_runner.calls.task import Task
from model_runner.options import Preload

TOO_LARGE: Final = "the artifact needs more memory than the {memory} bytes of ADMISSION_MEMORY_BYTES"


class _Unfit(Exception):
    """A failed check; the message is the reason."""


@dataclass(frozen=True)
class Examined:
    """An admitted model, and the members of its manifest that admission determines."""

    estimator: object
    schema: Schema
    members: JsonObject


def examine(buffer: bytes, task: Task, preload: Preload) -> Examined | JsonObject:
    """The examined model, or `{"refused": reason}`."""
    try:
        loaded = load(buffer, preload.rules, task.unpacked_bytes)
        # the confinement forbids processes and the semaphores of a thread pool; one row needs neither
        with joblib.parallel_config(backend="sequential"):
            return _describe(loaded, task)
    except (ForbiddenGlobal, UnreadableArtifact, NotAnEstimator, InvalidSchema, GoldenMismatch, _Unfit) as error:
        return {"refused": refusal.explain(error, buffer, task.unpacked_bytes)}


def _describe(loaded: LoadedArtifact, task: Task) -> Examined:
    estimator, draft = loaded.estimator, task.draft
    made_with, here = draft.environment | loaded.versions, environment()
    refused = None if task.skew_allowed else version_skew.refusal(made_with, here)
    if refused:
        raise _Unfit(refused)
    described = describe(estimator)
    schema = infer_schema(estimator) if draft.schema is None else Schema.from_json(draft.schema, strict=True)
    _refuse_too_wide(schema, task.max_columns)
    guess = guesses.guessed(estimator, schema) if draft.schema is None else None
    members: JsonObject = {
        "schema": schema.to_json(),
        "estimator": described,
        "classes": classes_of(estimator),
        "golden": _golden(estimator, schema, draft, guess),
        "environment": dict(made_with),
        "warnings": [
            *loaded.warnings,
            *_other_versions(made_with, here, loaded.versions),
            *([guess] if guess else []),
        ],
    }
    golden_rows.check_outputs(draft.outputs, members["golden"])
    members |= row_independence.members(estimator, schema, members)
    if members["row_independent"]:
        golden_rows.replay_in_company_by(partial(score, estimator, schema), schema, object_in(members["golden"]))
    return Examined(estimator, schema, members)


def _refuse_too_wide(schema: Schema, most: int) -> None:
    if len(schema.columns) > most:
        raise _Unfit(
            f"the schema has {len(schema.columns)} columns, at most {most} are taken (MAX_COLUMNS); raise that setting "
            f"of model_server, or choose the columns that the model needs; if a vectorizer made them, publish it with the "
            f"model: `changeover.publish(make_pipeline(vectorizer, model))`"
        )


def _golden(estimator: object, schema: Schema, draft: Draft, guess: str | None) -> JsonObject:
    """The golden rows with their outputs: the publisher's, replayed, or outputs recorded here, then replayed.

    `recorded_by` says which. Rows are asked as a caller sends them: together, in another order and alone. Each replica replays them, too, so a model that does not give equal outputs twice cannot be served.
    """
    rows = draft.golden.get("rows") if draft.golden else None
    if draft.golden is not None and rows and draft.golden.get("outputs") is not None:
        golden_rows.replay(estimator, schema, draft.golden)
        return {"recorded_by": "publisher", **draft.golden}
    samples = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    golden = golden_rows.record(estimator, schema, samples or [_sample_row(estimator, schema, guess)])
    try:
        golden_rows.replay(estimator, schema, golden)
    except GoldenMismatch as error:
        raise _Unfit(f"called twice with the same rows, the model gives different outputs: {error}") from error
    return {**golden, "recorded_by": "admission"}


def _other_versions(made_with: dict[str, str], here: dict[str, str], checked: dict[str, str]) -> list[str]:
    """Warnings on library versions that differ, except for the libraries in `checked`, which have theirs already."""
    return version_skew.warnings({name: version for name, version in made_with.items() if name not in checked}, here)


def _sample_row(estimator: object, schema: Schema, guess: str | None) -> JsonObject:
    """The canary: a sample row from the schema that the model must score; it becomes the golden row.

    Some models fail on zeros, so ones and halves are tried, too.
    """
    last: Exception | None = None
    for number in NUMBERS_TO_TRY:
        row: JsonObject = {**made_up_row(schema, number)}
        try:
            decoded = decode([row], schema, 1)
            _check_probabilities(score(estimator, schema, decoded.columns, decoded.rows))
        except (ScoringFailed, RequestFaults, TooManyRows) as error:
            last = last or error
        else:
            return row
    cause = f": {last.__cause__}" if last is not None and last.__cause__ else ""
    raise _Unfit(
        f"the canary failed: called with one sample row, the model raised ({last}{cause}); "
        f"publish it with golden rows if it needs particular inputs" + (f"; {guess}" if guess else "")
    )


def _check_probabilities(scores: Scores) -> None:
    if scores.classes is None or not scores.probabilities:
        return
    first = scores.probabilities[0]
    if isinstance(first, list) and not isinstance(first[0], list) and len(first) != len(scores.classes):
        raise _Unfit(f"the model has {len(scores.classes)} classes and gives {len(first)} probabilities")

"""What is asked of an artifact before it becomes a version; each fault becomes one sentence. Runs in the child only.

Carries the word *admission* of the design: it loads by the list, has `predict`, was made with the same scikit-learn,
has a schema, answers a row, and answers its golden rows as its publisher said.
"""

from typing import Final

import joblib
import sklearn

from changeover import golden, unpickle
from changeover.cells import ColumnType
from changeover.decode import decode
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
from changeover.infer_schema import infer_schema
from changeover.manifest import Json, JsonObject
from changeover.schema import Column, Schema
from changeover.scoring import Scores, classes_of, describe, score
from model_server.admission.task import Task

TOO_LARGE: Final = "the artifact needs more memory than the {memory} bytes of ADMISSION_MEMORY_BYTES"
_NUMBERS_TO_TRY: Final = (0, 1, 0.5)


class _Unfit(Exception):
    """The artifact is refused; the message is the reason."""


def examine(buffer: bytes, task: Task) -> JsonObject:
    """The parts of a manifest that admission finds out, or `{"refused": reason}`."""
    try:
        loaded = unpickle.load(buffer, task.extra_globals, task.unpacked_bytes)
        _check_version(loaded.versions, task.allow_version_skew)
        # neither processes nor the semaphores of a thread pool can be made here, and one row needs neither
        with joblib.parallel_config(backend="sequential"):
            return _describe(loaded, task)
    except (ForbiddenGlobal, UnreadableArtifact, NotAnEstimator, InvalidSchema, GoldenMismatch, _Unfit) as error:
        return {"refused": str(error)}


def _describe(loaded: unpickle.Loaded, task: Task) -> JsonObject:
    estimator, draft = loaded.estimator, task.draft
    described = describe(estimator)
    schema = infer_schema(estimator) if draft.schema is None else Schema.from_json(draft.schema, strict=True)
    kept: JsonObject | None = None
    rows = draft.golden.get("rows") if draft.golden else None
    if draft.golden is None or not isinstance(rows, list) or not rows:
        _ask_one_row(estimator, schema)
    elif draft.golden.get("outputs") is None:
        kept = golden.record(estimator, schema, [row for row in rows if isinstance(row, dict)])
    else:
        golden.replay(estimator, schema, draft.golden)
        kept = draft.golden
    environment = draft.environment | loaded.versions
    return {
        "schema": schema.to_json(),
        "estimator": described,
        "classes": classes_of(estimator),
        "golden": kept,
        "environment": dict(environment),
        "warnings": [*loaded.warnings, *_other_versions(draft.environment)],
    }


def _check_version(versions: dict[str, str], allow_version_skew: bool) -> None:
    made_with, here = versions.get("scikit-learn"), str(sklearn.__version__)
    if made_with is None or allow_version_skew or made_with.split(".")[:2] == here.split(".")[:2]:
        return
    raise _Unfit(
        f"the artifact was made with scikit-learn {made_with}, {here} serves here, and models do not keep their meaning "
        f"from one to the other: train it with {here} (conda_environment.yml), or set ALLOW_VERSION_SKEW=true"
    )


def _other_versions(environment: dict[str, str]) -> list[str]:
    """Sentences on the versions that the publisher names and that differ from those here in more than a patch."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("scikit-learn", "numpy", "scipy", "pandas", "joblib"):
        theirs = environment.get(name)
        try:
            here = version(name)
        except PackageNotFoundError:
            continue
        if theirs is not None and theirs.split(".")[:2] != here.split(".")[:2]:
            found.append(f"it was trained with {name} {theirs}, {here} serves here; answers may differ")
    return found


def _ask_one_row(estimator: object, schema: Schema) -> None:
    """The canary: a row made up from the schema must be answered. Some models know no zero, so ones are tried too."""
    last: Exception | None = None
    for number in _NUMBERS_TO_TRY:
        row: JsonObject = {column.name: _cell(column, number) for column in schema.columns}
        try:
            decoded = decode([row], schema, 1)
            _check_probabilities(score(estimator, schema, decoded.columns, decoded.rows))
        except (ScoringFailed, RequestFaults, TooManyRows) as error:
            last = last or error
        else:
            return
    cause = f": {last.__cause__}" if last is not None and last.__cause__ else ""
    raise _Unfit(
        f"the canary failed: asked for one made-up row, the model raised ({last}{cause}); "
        f"publish it with golden rows if it needs particular inputs"
    )


def _cell(column: Column, number: float) -> Json:
    listed = column.enum or column.categories
    if listed:
        return listed[0]
    if column.type is ColumnType.STRING:
        return "a"
    if column.type is ColumnType.BOOLEAN:
        return bool(number)
    return int(number) if column.type is ColumnType.INTEGER else number


def _check_probabilities(scores: Scores) -> None:
    if scores.classes is None or not scores.probabilities:
        return
    first = scores.probabilities[0]
    if isinstance(first, list) and not isinstance(first[0], list) and len(first) != len(scores.classes):
        raise _Unfit(f"the model has {len(scores.classes)} classes and gives {len(first)} probabilities")

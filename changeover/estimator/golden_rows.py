"""Golden rows: a few rows stored with their answers and replayed wherever the version is loaded.

A version whose answers differ from its golden rows is refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import GoldenMismatch, NotJson, RequestFaults, ScoringFailed, TooManyRows
from changeover.json_documents import object_in
from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import same
from changeover.manifest.manifest import Manifest
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

MOST_ROWS: Final = 1_000
MOST_ALONE: Final = 50  # golden rows that are asked alone
ALONE_SECONDS: Final = 5.0  # after which no further one is
ALONE_AT_A_REPLICA: Final = 10  # the same at each preparation
REPLICA_SECONDS: Final = 0.5
Columns = Mapping[str, Sequence[Cell]]
ScoreFunction = Callable[[Columns, int], Scores]  # (typed columns, number of rows) -> scores


def record(estimator: object, schema: Schema, rows: Sequence[JsonObject]) -> JsonObject:
    """`{"rows": rows, "outputs": [{"prediction": ..., "predict_proba": ...}, ...]}` for rows as consumers send them.

    Raises GoldenMismatch if the rows do not fit the schema or the model cannot answer them.
    """
    from changeover.estimator.scoring import score  # with scikit-learn, which processes that only replay by a twin lack

    return record_by(partial(score, estimator, schema), schema, rows)


def record_by(compute: ScoreFunction, schema: Schema, rows: Sequence[JsonObject]) -> JsonObject:
    """Golden rows with the outputs of any scoring function; raises as `record` does."""
    outputs = outputs_of(_score(compute, schema, [*rows]))
    return {"rows": [*rows], "outputs": [*outputs]}


def replay(estimator: object, schema: Schema, golden: JsonObject) -> None:
    """Score the golden rows again; raises GoldenMismatch naming the first row that differs.

    Labels must be equal; numbers of a regressor, and probabilities, to a relative 1e-6. Without `outputs`, the model
    only has to answer.
    """
    from changeover.estimator.scoring import score

    replay_by(partial(score, estimator, schema), schema, golden)


def replay_by(compute: ScoreFunction, schema: Schema, golden: JsonObject) -> None:
    """Replay golden rows together by any scoring function, such as an ONNX twin's; raises GoldenMismatch."""
    rows, expected = _parts(golden)
    actual = outputs_of(_score(compute, schema, rows))
    if expected is not None:
        _compare(actual, expected, range(len(rows)), "")


def replay_in_company_by(
    compute: ScoreFunction, schema: Schema, golden: JsonObject, most: int = MOST_ALONE, seconds: float = ALONE_SECONDS
) -> None:
    """Replay golden rows in reverse, and some of them alone: their company must not matter; raises GoldenMismatch.

    At most `most` rows are asked alone, and none after `seconds`.
    """
    rows, expected = _parts(golden)
    if expected is None or not rows:
        return
    backwards = range(len(rows))[::-1]
    actual = outputs_of(_score(compute, schema, [rows[index] for index in backwards]))
    _compare(actual, expected, backwards, " in another order")
    end_by = monotonic() + seconds
    for index in range(len(rows))[:: max(1, len(rows) // most)][:most]:
        _compare(outputs_of(_score(compute, schema, [rows[index]])), expected, [index], " alone")
        if monotonic() > end_by:
            break


def replay_as_served_by(compute: ScoreFunction, manifest: Manifest, schema: Schema) -> None:
    """The replay of a replica, as callers ask: together, and in other company if rows are independent.

    Raises GoldenMismatch.
    """
    if manifest.golden is None:
        return
    replay_by(compute, schema, manifest.golden)
    if manifest.row_independent:
        replay_in_company_by(compute, schema, manifest.golden, ALONE_AT_A_REPLICA, REPLICA_SECONDS)


def _parts(golden: JsonObject) -> tuple[list[Json], list[Json] | None]:
    """The rows and the outputs, if any; raises GoldenMismatch."""
    rows, expected = golden.get("rows"), golden.get("outputs")
    if not isinstance(rows, list) or not isinstance(expected, list | None):
        raise GoldenMismatch("the golden rows are no list: publish them as {'rows': [...], 'outputs': [...]}")
    if expected is not None and len(expected) != len(rows):
        raise GoldenMismatch(f"there are {len(rows)} golden rows and {len(expected)} outputs: one a row was expected")
    return rows, expected


def _compare(actual: Sequence[JsonObject], expected: Sequence[Json], indices: Sequence[int], how: str) -> None:
    """Raise GoldenMismatch unless the answers to the golden rows at `indices` are the expected ones."""
    for index, got in zip(indices, actual, strict=True):
        wanted = expected[index]
        if not isinstance(wanted, dict):
            raise GoldenMismatch(f"the output of golden row {index} is no object")
        for part, answer in got.items():
            if not same(wanted.get(part), answer):
                raise GoldenMismatch(
                    f"golden row {index}{how}: {part} is {answer!r}, the manifest says {wanted.get(part)!r}"
                )


def first(schema: Schema, golden: JsonObject | None) -> Columns | None:
    """The typed columns of the first golden row, or None without one."""
    rows = golden.get("rows") if golden else None
    if not isinstance(rows, list) or not rows:
        return None
    return RequestReader(schema).read(json.dumps([rows[0]]).encode(), 1).columns


def check_outputs(names: Sequence[str], golden: Json) -> None:
    """Raise GoldenMismatch unless there is a name for each value of a prediction; none is needed."""
    recorded = object_in(golden).get("outputs")
    first_output = object_in(recorded[0]) if isinstance(recorded, list) and recorded else {}
    prediction = first_output.get("prediction")
    width = len(prediction) if isinstance(prediction, list) else 1
    if names and len(names) != width:
        raise GoldenMismatch(
            f"`outputs` has {len(names)} names and a prediction of the model {width} values: name each, in their order"
        )


def _score(compute: ScoreFunction, schema: Schema, rows: list[Json]) -> Scores:
    try:
        read = RequestReader(schema).read(json.dumps(rows, allow_nan=False).encode(), MOST_ROWS)
        return compute(read.columns, read.rows)
    except (NotJson, ValueError) as error:
        raise GoldenMismatch(f"the golden rows cannot be sent as JSON: {error}") from error
    except (RequestFaults, TooManyRows) as error:
        raise GoldenMismatch(f"the golden rows do not fit the schema: {error}") from error
    except ScoringFailed as error:
        because = f": {error.__cause__}" if error.__cause__ else ""
        raise GoldenMismatch(f"the model cannot answer its golden rows: {error}{because}") from error


def outputs_of(scores: Scores) -> list[JsonObject]:
    """The answers as golden outputs, one for each row."""
    probabilities = scores.probabilities or [None] * len(scores.labels)
    return [
        {"prediction": label, "predict_proba": probability}
        for label, probability in zip(scores.labels, probabilities, strict=True)
    ]

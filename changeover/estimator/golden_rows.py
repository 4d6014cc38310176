"""Golden rows: a few rows stored with their answers and replayed wherever the version is loaded.

A version whose answers differ from its golden rows is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import GoldenMismatch, RequestFaults, ScoringFailed, TooManyRows
from changeover.json_documents import object_in
from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import same
from changeover.request.decode import decode
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

MOST_ROWS: Final = 1_000
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
    outputs = _outputs(_score(compute, schema, [*rows]))
    return {"rows": [*rows], "outputs": [*outputs]}


def replay(estimator: object, schema: Schema, golden: JsonObject) -> None:
    """Score the golden rows again; raises GoldenMismatch naming the first row that differs.

    Labels must be equal; numbers of a regressor, and probabilities, to a relative 1e-6. Without `outputs`, the model
    only has to answer.
    """
    from changeover.estimator.scoring import score

    replay_by(partial(score, estimator, schema), schema, golden)


def replay_by(compute: ScoreFunction, schema: Schema, golden: JsonObject) -> None:
    """Replay golden rows by any scoring function, such as an ONNX twin's; raises GoldenMismatch."""
    rows, expected = golden.get("rows"), golden.get("outputs")
    if not isinstance(rows, list) or not isinstance(expected, list | None):
        raise GoldenMismatch("the golden rows are no list: publish them as {'rows': [...], 'outputs': [...]}")
    actual = _outputs(_score(compute, schema, rows))
    if expected is None:
        return
    if len(expected) != len(actual):
        raise GoldenMismatch(f"there are {len(actual)} golden rows and {len(expected)} outputs: one a row was expected")
    for index, (wanted, got) in enumerate(zip(expected, actual, strict=True)):
        if not isinstance(wanted, dict):
            raise GoldenMismatch(f"the output of golden row {index} is no object")
        for part, answer in got.items():
            if not same(wanted.get(part), answer):
                raise GoldenMismatch(
                    f"golden row {index}: {part} is {answer!r}, the manifest says {wanted.get(part)!r}"
                )


def first(schema: Schema, golden: JsonObject | None) -> Columns | None:
    """The typed columns of the first golden row, or None without one."""
    rows = golden.get("rows") if golden else None
    return decode([rows[0]], schema, 1).columns if isinstance(rows, list) and rows else None


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
        decoded = decode(rows, schema, MOST_ROWS)
        return compute(decoded.columns, decoded.rows)
    except (RequestFaults, TooManyRows) as error:
        raise GoldenMismatch(f"the golden rows do not fit the schema: {error}") from error
    except ScoringFailed as error:
        because = f": {error.__cause__}" if error.__cause__ else ""
        raise GoldenMismatch(f"the model cannot answer its golden rows: {error}{because}") from error


def _outputs(scores: Scores) -> list[JsonObject]:
    probabilities = scores.probabilities or [None] * len(scores.labels)
    return [
        {"prediction": label, "predict_proba": probability}
        for label, probability in zip(scores.labels, probabilities, strict=True)
    ]

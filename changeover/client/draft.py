"""The draft of a publish: an estimator written as an artifact file, and the publisher's part of its manifest.

It imports scikit-learn and pandas only when called, so that `import changeover` stays cheap.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from msgspec.structs import replace

from changeover.artifact.environment import environment
from changeover.client.evaluation import evaluated_on
from changeover.client.reference import with_reference
from changeover.manifest.manifest import Draft

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from changeover.json_types import JsonObject
    from changeover.schema.schema import Schema

GOLDEN_ROWS: Final = 10
WITH_MISSING: Final = 3
_SPARE: Final = 4  # candidates for each golden row: some do not fit the schema


def dump(estimator: object, path: Path) -> None:
    """Write `estimator` to `path` as joblib does, uncompressed."""
    import joblib

    joblib.dump(estimator, path)


def draft_of(
    model: "Path | object",
    example: "pd.DataFrame | None" = None,
    metrics: dict[str, float] | None = None,
    evaluation_data: "pd.DataFrame | Path | str | None" = None,
    description: str = "",
    draft: Draft | None = None,
    public: "bool | Collection[str]" = False,
    reference: "pd.DataFrame | Literal[False] | None" = None,
    reference_predictions: object = None,
) -> Draft:
    """Draft a manifest from a fitted estimator or a joblib file; members of `draft` win.

    From `example`, the training data (a row an observation, a column a feature), come the schema and golden rows with the
    model's own answers to them; for that, a file is loaded through the allow-list of globals. The environment is the running
    one; for a file, admission reads it from the bytes. `evaluation_data` is the data of `metrics`, as
    `changeover.evaluated_on` takes it. `public` names the columns (True: all) of which callers of predict_api may see
    categories and range. `reference` and `reference_predictions` are as in `Client.publish`. Raises InvalidSchema, GoldenMismatch, ForbiddenGlobal, UnreadableArtifact or
    UnreadableData.
    """
    draft = draft or Draft()
    table = example if reference is None else reference
    is_graph = isinstance(model, Path) and model.suffix == ".onnx"
    if example is None and table is not False and not is_graph:
        example = table
    estimator = None if example is None else _estimator(model)
    if estimator is not None and example is not None:
        draft = _by_example(estimator, example, draft)
    if table is not None and table is not False and draft.reference is None:
        draft = with_reference(draft, estimator, table, reference_predictions, by_example=reference is None)
    if public:
        draft = replace(draft, schema=_with_public(draft.schema, public))
    if not isinstance(model, Path):
        draft = replace(draft, environment=environment() | draft.environment)
    if evaluation_data is not None:
        draft = replace(draft, evaluation=evaluated_on(evaluation_data))
    return replace(draft, metrics={**draft.metrics, **(metrics or {})}, description=description or draft.description)


def _with_public(schema: "JsonObject | None", public: "bool | Collection[str]") -> "JsonObject":
    from changeover.exceptions import InvalidSchema
    from changeover.schema.schema import Schema

    if schema is None:
        raise InvalidSchema("`public` needs a schema: give an example, or a schema in the draft")
    return Schema.from_json(schema).with_public(public).to_json()


def _estimator(model: "Path | object") -> object:
    if not isinstance(model, Path):
        return model
    from changeover.artifact.load import load_model

    return load_model(model.read_bytes())


def _by_example(estimator: object, example: "pd.DataFrame", draft: Draft) -> Draft:
    from changeover.estimator.golden_rows import record
    from changeover.estimator.infer_schema import as_fitted, infer_schema
    from changeover.estimator.recorded import own_golden_rows
    from changeover.estimator.training_frame import frame_of, inputs_of
    from changeover.schema.schema import Schema

    if draft.schema is None:
        schema = infer_schema(estimator, example)
    else:
        schema = as_fitted(estimator, Schema.from_json(draft.schema, strict=True), example)
    golden = draft.golden or own_golden_rows(estimator, schema, example)
    if golden is None:  # a raw table
        golden = record(estimator, schema, golden_rows(inputs_of(frame_of(example), schema), schema))
    return replace(draft, schema=schema.to_json(), golden=golden)


def golden_rows(inputs: "pd.DataFrame", schema: "Schema") -> "list[JsonObject]":
    """A few rows of `inputs` as consumers send them, evenly spread, some with missing values.

    Rows that do not fit the schema, such as one with a missing value in a required column, are skipped, unless no row
    is left.
    """
    from changeover.estimator.training_frame import rows_of
    from changeover.exceptions import RequestFaults
    from changeover.request.decode import decode

    def fit(row: "JsonObject") -> bool:
        try:
            decode([row], schema, 1)
        except RequestFaults:
            return False
        return True

    missing = inputs.isna().any(axis=1).to_numpy().nonzero()[0]
    spread = range(0, len(inputs), max(1, len(inputs) // (GOLDEN_ROWS * _SPARE)))
    candidates = [*_every(list(spread), GOLDEN_ROWS * _SPARE), *_every(missing.tolist(), WITH_MISSING * _SPARE)]
    fitting = [position for position in dict.fromkeys(candidates) if fit(rows_of(inputs.iloc[[position]])[0])]
    with_missing = [position for position in fitting if position in set(missing.tolist())]
    chosen = {*_every(fitting, GOLDEN_ROWS), *_every(with_missing, WITH_MISSING)} or set(candidates[:1])
    return rows_of(inputs.iloc[sorted(chosen)])


def _every(positions: list[int], count: int) -> list[int]:
    """At most `count` of `positions`, evenly spread."""
    return positions[:: max(1, len(positions) // count)][:count]

"""The examination of an ONNX file: checked as data, asked a sample row, described as a manifest does."""

from dataclasses import dataclass
from typing import Final

from changeover.estimator import golden_rows
from changeover.estimator.scores import Scores
from changeover.exceptions import GoldenMismatch, InvalidSchema, RequestFaults, ScoringFailed, TooManyRows
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft
from changeover.onnx_model.categories import categories_of
from changeover.onnx_model.exceptions import NoSignature
from changeover.onnx_model.scorer import OnnxModel, are_probabilities
from changeover.onnx_model.signature import Signature, check_schema, schema_of, signature_of, takes_missing
from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_check import CheckedGraph, check_graph
from changeover.request.decode import decode
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.sample_row import NUMBERS_TO_TRY, made_up, made_up_row
from changeover.schema.schema import Schema

TYPE: Final = "ONNX"  # of the estimator, in a manifest
_LONGEST_PRODUCER: Final = 60
_LONGEST_CAUSE: Final = 300


@dataclass(frozen=True)
class Examined:
    """The members of the manifest that the graph determines."""

    members: JsonObject


def examine(content: bytes, draft: Draft, max_columns: int) -> Examined | str:
    """Examine an ONNX file; returns the members of its manifest, or the reason for refusing it."""
    try:
        checked = check_graph(content)
        signature = signature_of(checked)
        return _described(content, draft, checked, signature, max_columns)
    except GraphRefused as error:
        return f"the ONNX model is not taken: {error}"
    except (NoSignature, InvalidSchema, GoldenMismatch, ScoringFailed) as error:
        return str(error)
    except ImportError as error:
        return f"ONNX models cannot be read here: {error}"


def _described(
    content: bytes, draft: Draft, checked: CheckedGraph, signature: Signature, max_columns: int
) -> Examined | str:
    columns = sum(entry.columns for entry in signature.inputs)
    if columns > max_columns:
        return f"the graph has {columns} columns, at most {max_columns} are taken (MAX_COLUMNS)"
    if draft.schema is None:
        schema = _own_schema(content, checked, signature)
    else:
        schema = Schema.from_json(draft.schema, strict=True)
        check_schema(signature, schema)
    model = OnnxModel(content, checked, schema, probabilities=signature.classes is not None)
    rows = _rows(model, schema, draft, categories_of(checked.model.graph, signature.inputs))
    warnings: list[Json] = []
    scores = _scores(model, schema, rows)
    probabilities = signature.classes is not None and are_probabilities(scores)
    if signature.classes is not None and not probabilities:
        warnings.append("the graph's scores are no probabilities (its estimator has none): answers have labels only")
        model = OnnxModel(content, checked, schema, probabilities=False)
    golden = draft.golden if draft.golden and draft.golden.get("outputs") is not None else None
    if golden is None:
        golden = golden_rows.record_by(model.score, schema, rows)
    golden_rows.replay_by(model.score, schema, golden)
    golden_rows.check_outputs(draft.outputs, golden)
    return Examined(
        {
            "schema": schema.to_json(),
            "estimator": {"type": TYPE, "kind": signature.kind, "predict_proba": probabilities, "includes": []},
            "classes": signature.classes if probabilities else None,
            "golden": golden,
            "environment": dict(draft.environment) or _producer(checked),
            "warnings": warnings,
        }
    )


def _own_schema(content: bytes, checked: CheckedGraph, signature: Signature) -> Schema:
    """The schema from the graph; numbers may be missing if the graph handles that, and answers such a row."""
    if takes_missing(checked.model.graph):
        schema = schema_of(signature, nullable=True)
        row: JsonObject = {column.name: None if column.nullable else made_up(column) for column in schema.columns}
        try:
            _scores(OnnxModel(content, checked, schema, probabilities=signature.classes is not None), schema, [row])
        except (ScoringFailed, GoldenMismatch):
            pass
        else:
            return schema
    return schema_of(signature)


def _rows(model: OnnxModel, schema: Schema, draft: Draft, categories: dict[int, list[str]]) -> list[JsonObject]:
    """The publisher's golden rows, or a sample row that the model answers."""
    rows = draft.golden.get("rows") if draft.golden else None
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if known:
        return known
    first: ScoringFailed | None = None
    for number in NUMBERS_TO_TRY:
        row = _sample_row(schema, number, categories)
        try:
            _scores(model, schema, [row])
        except ScoringFailed as error:
            first = first or error
        else:
            return [row]
    cause = f": {' '.join(str(first.__cause__).split())[:_LONGEST_CAUSE]}" if first and first.__cause__ else ""
    raise ScoringFailed(
        f"the canary failed: asked a sample row, {first}{cause}; publish it with golden rows if it needs particular inputs"
    )


def _sample_row(schema: Schema, number: float, categories: dict[int, list[str]]) -> JsonObject:
    """A sample row whose strings are categories of the graph, unless the schema lists others."""
    row: JsonObject = {**made_up_row(schema, number)}
    for index, texts in categories.items():
        column = schema.columns[index]
        if column.type is ColumnType.STRING and not (column.enum or column.categories):
            row[column.name] = texts[0]
    return row


def _scores(model: OnnxModel, schema: Schema, rows: list[JsonObject]) -> Scores:
    try:
        decoded = decode([*rows], schema, golden_rows.MOST_ROWS)
    except (RequestFaults, TooManyRows) as error:
        raise GoldenMismatch(f"the golden rows do not fit the schema: {error}") from error
    return model.score(decoded.columns, decoded.rows)


def _producer(checked: CheckedGraph) -> JsonObject:
    """The library that wrote the file, with its version."""
    name, version = checked.model.producer_name, checked.model.producer_version
    return {name[:_LONGEST_PRODUCER]: version[:_LONGEST_PRODUCER]} if name and version else {}

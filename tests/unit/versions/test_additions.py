"""Additions to the manifest of known bytes, and contradictions."""

from typing import Any

import pytest
from msgspec.structs import replace

from changeover.exceptions import InvalidSchema
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft, Manifest
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from model_server.exceptions import ManifestContradicted
from model_server.versions.additions import Additions, additions

GUESSED = Schema((Column("a"), Column("b"))).to_json()
SCHEMA = Schema((Column("a"), Column("b", ColumnType.STRING))).to_json()
ROW: JsonObject
OTHER: JsonObject
ROW, OTHER = {"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}
OUTPUT: JsonObject
OTHER_OUTPUT: JsonObject
OUTPUT, OTHER_OUTPUT = {"prediction": 1, "predict_proba": [0.25, 0.75]}, {"prediction": 0, "predict_proba": [0.5, 0.5]}
RECORDED: dict[str, Any] = {"rows": [ROW], "outputs": [OUTPUT], "recorded_by": "admission"}
GIVEN: dict[str, Any] = {"rows": [ROW], "outputs": [OUTPUT]}
NOW = "2026-02-01T00:00:00Z"
BARE = Manifest(
    model="loan",
    version="ab" * 32,
    size=1,
    created_at="2026-01-31T12:00:00Z",
    schema=GUESSED,
    estimator={"type": "Pipeline", "kind": "classifier", "predict_proba": True},
    environment={"numpy": "2.0"},
    golden=RECORDED,
    provenance={"source": "http"},
    schema_by="admission",
    golden_by="admission",
)
FULL = replace(
    BARE,
    schema=SCHEMA,
    schema_by="publisher",
    golden={**GIVEN, "recorded_by": "publisher"},
    golden_by="publisher",
    metrics={"auc": 0.9},
    description="the first",
    evaluation={"data_sha256": "c" * 64},
)
SAID = Draft(
    schema=SCHEMA,
    metrics={"auc": 0.9},
    golden=GIVEN,
    description="the first",
    evaluation={"data_sha256": "c" * 64},
    environment={"numpy": "2.1"},
)


def contradictions(stored: Manifest, draft: Draft) -> list[tuple[Any, Any, Any]]:
    with pytest.raises(ManifestContradicted) as caught:
        additions(stored, draft)
    listed: Any = caught.value.body["contradictions"]
    return [(each["member"], each["stored"], each["sent"]) for each in listed]


def test_a_draft_that_says_nothing_new_adds_nothing() -> None:
    for stored, draft in ((BARE, Draft()), (FULL, Draft()), (FULL, SAID), (BARE, Draft(environment={"numpy": "1.0"}))):
        assert additions(stored, draft).members == ()
    short: JsonObject = {"columns": [{"name": "a"}, {"name": "b", "type": "string"}]}
    assert additions(FULL, Draft(schema=short)).members == ()
    nearly: JsonObject = {**OUTPUT, "predict_proba": [0.25 + 1e-12, 0.75]}
    assert additions(FULL, Draft(golden={"rows": [ROW], "outputs": [nearly]})).members == ()
    assert additions(FULL, Draft(golden={"rows": [ROW]})).members == ()


def test_all_that_the_manifest_lacks_is_added() -> None:
    added = additions(BARE, SAID)
    assert added.members == ("schema", "golden", "metrics", "description", "evaluation")
    assert added.examine
    assert added.draft == replace(SAID, environment=BARE.environment)


def test_what_concerns_no_request_needs_no_examination() -> None:
    added = additions(BARE, Draft(metrics={"auc": 0.9}, description="why"))
    assert (added.members, added.examine) == (("metrics", "description"), False)
    manifest = added.applied(BARE, BARE, NOW)
    assert manifest == replace(BARE, metrics={"auc": 0.9}, description="why", updated_at=NOW)


def test_metrics_are_merged_by_name() -> None:
    added = additions(FULL, Draft(metrics={"f1": 0.5, "auc": 0.9}))
    assert (added.members, added.draft.metrics) == (("metrics",), {"auc": 0.9, "f1": 0.5})
    assert contradictions(FULL, Draft(metrics={"f1": 0.5, "auc": 0.8})) == [("metrics.auc", 0.9, 0.8)]


def test_every_contradiction_is_listed_with_both_values() -> None:
    draft = Draft(metrics={"auc": 1}, description="another", evaluation={"data_sha256": "d" * 64})
    assert contradictions(FULL, draft) == [
        ("metrics.auc", 0.9, 1),
        ("description", "the first", "another"),
        ("evaluation", {"data_sha256": "c" * 64}, {"data_sha256": "d" * 64}),
    ]
    with pytest.raises(ManifestContradicted, match=r"metrics.auc is 0.9, 1 was sent; description is \"the first\""):
        additions(FULL, draft)


def test_a_schema_that_a_publisher_gave_is_compared_by_columns() -> None:
    assert [(member, stored, sent and sent["type"]) for member, stored, sent in contradictions(
        replace(FULL, schema=GUESSED), Draft(schema=Schema((*Schema.from_json(SCHEMA).columns, Column("c"))).to_json())
    )] == [("schema.columns.b", Schema.from_json(GUESSED).columns[1].to_json(), "string"), ("schema.columns.c", None, "number")]  # fmt: skip
    turned = Schema(Schema.from_json(SCHEMA).columns[::-1]).to_json()
    assert contradictions(FULL, Draft(schema=turned)) == [("schema.columns", ["a", "b"], ["b", "a"])]
    ignoring: JsonObject = {**SCHEMA, "extra": "ignore"}
    assert contradictions(FULL, Draft(schema=ignoring)) == [("schema.extra", "forbid", "ignore")]
    with pytest.raises(InvalidSchema):
        additions(FULL, Draft(schema={"columns": []}))


def test_golden_rows_that_a_publisher_gave_are_compared_row_by_row() -> None:
    other: JsonObject = {"rows": [ROW, OTHER], "outputs": [OUTPUT, OTHER_OUTPUT]}
    assert contradictions(FULL, Draft(golden=other)) == [
        ("golden", None, {"index": 1, "row": OTHER, "output": OTHER_OUTPUT})
    ]
    wrong: JsonObject = {"rows": [ROW], "outputs": [OTHER_OUTPUT]}
    assert contradictions(FULL, Draft(golden=wrong)) == [
        ("golden", {"index": 0, "row": ROW, "output": OUTPUT}, {"index": 0, "row": ROW, "output": OTHER_OUTPUT})
    ]


def test_outputs_of_the_publishers_own_process_replace_those_of_admission() -> None:
    rows_only = replace(FULL, golden=RECORDED)
    assert additions(rows_only, Draft(golden=GIVEN)).members == ("golden",)
    assert additions(rows_only, Draft(golden={"rows": [ROW]})).members == ()
    assert additions(rows_only, Draft(golden={**GIVEN, "outputs": [OTHER_OUTPUT]})).members == ("golden",)
    assert contradictions(rows_only, Draft(golden={"rows": [OTHER]}))[0][0] == "golden"


def test_a_new_schema_keeps_what_the_publisher_said_of_golden_rows() -> None:
    def with_schema(stored: Manifest) -> Additions:
        return additions(replace(stored, schema=GUESSED, schema_by="admission"), Draft(schema=SCHEMA))

    assert with_schema(FULL).draft.golden == FULL.golden
    assert with_schema(replace(FULL, golden=RECORDED)).draft.golden == {"rows": [ROW]}
    assert with_schema(BARE).draft.golden is None


def test_new_golden_rows_keep_the_schema_and_its_origin() -> None:
    added = additions(BARE, Draft(golden=GIVEN))
    assert (added.members, added.draft.schema) == (("golden",), GUESSED)
    manifest = added.applied(BARE, replace(BARE, created_at=NOW, schema_by="publisher", provenance={}), NOW)
    assert (manifest.schema_by, manifest.golden_by) == ("admission", "publisher")
    assert (manifest.created_at, manifest.updated_at, manifest.provenance) == (BARE.created_at, NOW, BARE.provenance)


def test_the_number_of_rows_of_an_evaluation_may_be_added_later() -> None:
    counted: JsonObject = {"data_sha256": "c" * 64, "rows": 7}
    assert additions(FULL, Draft(evaluation=counted)).draft.evaluation == counted
    assert additions(replace(FULL, evaluation=counted), Draft(evaluation=FULL.evaluation)).members == ()
    assert contradictions(replace(FULL, evaluation=counted), Draft(evaluation={**counted, "rows": 8}))


def test_names_of_outputs_are_added_once_and_then_stay() -> None:
    added = additions(BARE, Draft(outputs=["low", "high"]))
    assert (added.members, added.examine, added.draft.outputs) == (("outputs",), True, ["low", "high"])
    named = added.applied(BARE, replace(BARE, outputs=["low", "high"]), NOW)
    assert named.outputs == ["low", "high"]
    assert additions(named, Draft(outputs=["low", "high"])).members == ()
    assert additions(named, Draft(description="more")).draft.outputs == ["low", "high"]
    assert contradictions(named, Draft(outputs=["high", "low"])) == [("outputs", ["low", "high"], ["high", "low"])]

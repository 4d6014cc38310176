"""The manifest and its draft: read from JSON and written; each refusal names the invalid member."""

import json
from typing import Any

import pytest

from changeover.exceptions import InvalidManifest
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft, Manifest

BODY: dict[str, Any] = {
    "model": "loan",
    "version": "a" * 64,
    "size": 10,
    "created_at": "2026-01-31T12:00:00Z",
    "schema": {"columns": [{"name": "a"}]},
    "estimator": {"type": "Pipeline", "kind": "classifier"},
    "classes": ["no", "yes"],
    "metrics": {"f1": 0.5, "trees": 100},
    "environment": {"numpy": "2.3"},
    "golden": {"rows": [{"a": 1}], "outputs": [{"prediction": "no"}]},
    "description": "why",
    "provenance": {"source": "http"},
    "warnings": ["built with another numpy"],
    "evaluation": {"data_sha256": "b" * 64, "rows": 36},
    "twin": {"absent": "no export was tried"},
    "runner_environment": "default",
    "row_independent": False,
    "outputs": ["low", "high"],
    "format": 1,
    "schema_by": "publisher",
    "golden_by": "admission",
    "updated_at": "",
    "reference": None,
}


def test_a_manifest_is_written_as_it_was_read() -> None:
    assert json.dumps(Manifest.from_json(BODY).to_json()) == json.dumps(BODY)


def test_a_missing_member_and_a_null_have_the_empty_value_and_members_of_later_formats_are_ignored() -> None:
    required = {name: BODY[name] for name in ("model", "version", "size", "created_at", "schema", "estimator")}
    later = {**required, "format": 2, "signature": {}, "metrics": None, "provenance": None, "classes": None}
    read = Manifest.from_json(later)
    assert (read.metrics, read.provenance, read.warnings, read.classes, read.golden) == ({}, {}, [], None, None)
    assert (read.format, read.description) == (2, "")


def test_a_draft_is_written_without_the_member_that_older_servers_do_not_know() -> None:
    assert Draft().to_json() == {
        "schema": None,
        "metrics": {},
        "environment": {},
        "golden": None,
        "description": "",
    }
    draft = Draft(metrics={"f1": 0.5}, evaluation={"data_sha256": "b" * 64})
    assert Draft.from_json(draft.to_json()) == draft


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"size": True}, "manifest.size: expected `int`, got `bool`"),
        ({"size": 1.5}, "manifest.size: expected `int`, got `float`"),
        ({"version": 5}, "manifest.version: expected `str`, got `int`"),
        ({"schema": []}, "manifest.schema: expected `object`, got `array`"),
        ({"estimator": None}, "manifest: object missing required field `estimator`"),
        ({"classes": "no"}, "manifest.classes: expected `array | null`, got `str`"),
        ({"format": 0}, "manifest.format: expected `int` >= 1"),
        ({"metrics": {"f1": "0.5"}}, "manifest.metrics.f1: '0.5' is no finite number"),
        ({"metrics": {"f1": True}}, "manifest.metrics.f1: True is no finite number"),
        ({"metrics": {"f1": float("nan")}}, "manifest.metrics.f1: nan is no finite number"),
        ({"environment": {"numpy": 2}}, "manifest.environment[...]: expected `str`, got `int`"),
        ({"warnings": [1]}, "manifest.warnings[0]: expected `str`, got `int`"),
        ({"golden": {"rows": [{}, 5]}}, "manifest.golden.rows[1]: expected `object`, got `int`"),
        ({"golden": {}}, "manifest.golden: object missing required field `rows`"),
        ({"golden": {"rows": [{}], "outputs": []}}, "manifest.golden.outputs: 0 outputs for 1 rows"),
        ({"evaluation": {"data_sha256": "B" * 64}}, "manifest.evaluation.data_sha256: expected `str` matching regex"),
        ({"evaluation": {"data_sha256": "b" * 64 + "\n"}}, "manifest.evaluation.data_sha256: expected `str` matching"),
        ({"evaluation": {"data_sha256": "b" * 64, "rows": -1}}, "manifest.evaluation.rows: expected `int` >= 0"),
    ],
)
def test_an_invalid_manifest_is_refused_by_the_path_of_its_member(members: JsonObject, message: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        Manifest.from_json(BODY | members)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_manifest_is_an_object(body: object) -> None:
    for kind in (Manifest, Draft):
        with pytest.raises(InvalidManifest, match="manifest: expected `object`"):
            kind.from_json(body)


def test_a_misspelt_member_of_a_draft_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidManifest, match=r"unknown members \['metric'\]; known are \['description', "):
        Draft.from_json({"metric": {}})


@pytest.mark.parametrize("outputs", [["a", "a"], ["a", ""], [1], "ab"])
def test_names_of_outputs_that_are_none_are_refused(outputs: object) -> None:
    with pytest.raises(InvalidManifest, match=r"manifest\.outputs"):
        Draft.from_json({"outputs": outputs})


def test_a_draft_without_names_of_outputs_is_one_of_a_former_release() -> None:
    assert "outputs" not in Draft().to_json()
    assert Draft.from_json({"outputs": ["p10", "p90"]}).to_json()["outputs"] == ["p10", "p90"]

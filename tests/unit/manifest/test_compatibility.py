"""Changes of a schema that break consumers, verified on requests that were valid before."""

from typing import Any

import pytest

from changeover.exceptions import RequestFaults
from changeover.json_types import Json, JsonObject
from changeover.manifest.compatibility import SchemaDiff, compare
from changeover.manifest.manifest import Manifest
from changeover.request.decode import decode
from changeover.schema.schema import Schema

PLAIN: JsonObject = {"name": "a", "type": "number"}
ONE: Json = {"a": 1}


def a_version(*columns: JsonObject, extra: str = "forbid", **more: Any) -> Manifest:
    members: dict[str, Any] = {
        "estimator": {"kind": "classifier", "predict_proba": True, "type": "Pipeline"},
        "classes": ["no", "yes"],
    }
    schema: JsonObject = {"columns": list(columns or (PLAIN,)), "extra": extra}
    return Manifest("loan", "a" * 64, 1, "2026-01-31T12:00:00Z", schema, **(members | more))


def column(**members: Any) -> Manifest:
    return a_version(PLAIN | members)


def diff(before: Manifest, after: Manifest) -> SchemaDiff:
    return compare(before, after)


NARROWED = [
    (column(), a_version({"name": "b"}), "removed", {"a": 1}),
    (column(), a_version(PLAIN, {"name": "b"}), "added", {"a": 1}),
    (column(), a_version(PLAIN, {"name": "b", "nullable": True}), "added", {"a": 1}),
    (column(), column(type="integer"), "retyped", {"a": 1.5}),
    (column(), column(type="string"), "retyped", {"a": 1.5}),
    (column(type="string"), column(), "retyped", {"a": "red"}),
    (column(nullable=True), column(), "nullable", {"a": None}),
    (column(type="string"), column(type="string", enum=["red"]), "enum", {"a": "blue"}),
    (column(type="string", enum=["red", "blue"]), column(type="string", enum=["red"]), "enum", {"a": "blue"}),
    (column(format="currency"), column(), "format", {"a": "$1,920"}),
    (column(format="percent"), column(format="currency"), "format", {"a": "62.59%"}),
    (a_version(extra="ignore"), a_version(), "extra", {"a": 1, "b": 2}),
]
WIDENED = [
    (column(type="boolean"), column(), "retyped", {"a": True}),
    (column(type="integer"), column(), "retyped", {"a": 1}),
    (column(), column(nullable=True), "nullable", {"a": 1}),
    (column(type="string", enum=["red"]), column(type="string", enum=["blue", "red"]), "enum", {"a": "red"}),
    (column(type="string", enum=["red"]), column(type="string"), "enum", {"a": "red"}),
    (column(), column(format="currency"), "format", {"a": "1920"}),
    (column(type="string"), column(type="string", categories=["red"]), "categories", {"a": "blue"}),
    (column(), column(description="income"), "description", {"a": 1}),
    (a_version(), a_version(extra="ignore"), "extra", {"a": 1}),
    (a_version(PLAIN, {"name": "b"}), a_version(extra="ignore"), "removed", {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("before", "after", "change", "request_body"), NARROWED)
def test_what_refuses_a_request_that_was_valid_breaks(
    before: Manifest, after: Manifest, change: str, request_body: Json
) -> None:
    assert [change.change for change in diff(before, after).breaking] == (
        [change] if change != "removed" else ["removed", "added"]
    )
    decode(request_body, Schema.from_json(before.schema), 1)
    with pytest.raises(RequestFaults):
        decode(request_body, Schema.from_json(after.schema), 1)


@pytest.mark.parametrize(("before", "after", "change", "request_body"), WIDENED)
def test_what_takes_every_request_that_was_valid_does_not_break(
    before: Manifest, after: Manifest, change: str, request_body: Json
) -> None:
    difference = diff(before, after)
    assert difference.compatible
    assert change in [entry.change for entry in difference.changes]
    for version in (before, after):
        decode(request_body, Schema.from_json(version.schema), 1)


def test_the_order_of_columns_and_of_listed_values_says_nothing() -> None:
    wide = a_version(PLAIN, {"name": "b", "type": "string", "enum": ["x", "y"]})
    turned = a_version({"name": "b", "type": "string", "enum": ["y", "x"]}, PLAIN)
    assert diff(wide, turned).changes == ()
    assert diff(column(type="boolean"), column(type="boolean", enum=[False, True])).changes == ()


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (["yes", "no"], "in another order"),
        (["no", "yes", "maybe"], "others"),
        (["no"], "others"),
        (None, "gone"),
    ],
)
def test_other_classes_break_and_so_does_their_order(classes: list[Json] | None, says: str) -> None:
    """Fault 28: for the consumers of the version that is current."""
    (change,) = diff(a_version(), a_version(classes=classes)).changes
    assert change.breaks
    assert says in change.says


def test_classes_of_another_type_are_other_classes() -> None:
    assert not diff(a_version(classes=[0, 1]), a_version(classes=[False, True])).compatible
    assert not diff(a_version(classes=[0, 1]), a_version(classes=[0.0, 1.0])).compatible


def test_probabilities_may_come_but_not_go_and_a_kind_may_not_change() -> None:
    without = {"kind": "classifier", "predict_proba": False}
    assert [change.change for change in diff(a_version(), a_version(estimator=without)).breaking] == ["predict_proba"]
    assert diff(a_version(estimator=without), a_version()).compatible
    regressor = {"kind": "regressor", "predict_proba": True}
    assert [change.change for change in diff(a_version(), a_version(estimator=regressor)).breaking] == ["kind"]


def test_one_output_and_several_are_not_the_same_form() -> None:
    def answering(prediction: Json) -> Manifest:
        return a_version(golden={"rows": [{}], "outputs": [{"prediction": prediction}]})

    assert diff(answering(1.5), answering(2.5)).compatible
    assert diff(answering([1, 2]), answering(1)).breaking[0].says == "a prediction is one value, it was a list of 2"


def test_another_unit_means_something_else_and_a_first_one_only_says_more() -> None:
    assert not diff(column(unit="kg"), column(unit="lb")).compatible
    assert diff(column(), column(unit="kg")).compatible


def test_case_that_was_folded_must_stay_so() -> None:
    folded = column(type="string", categories=["red"], case="fold")
    assert not diff(folded, column(type="string", categories=["red"])).compatible
    assert diff(column(type="string", categories=["red"]), folded).compatible


def test_the_json_form_lists_what_breaks_first_with_a_sentence_each() -> None:
    before = a_version(PLAIN, {"name": "b", "type": "integer"})
    after = a_version({"name": "b", "type": "number"}, {"name": "c"})
    assert diff(before, after).to_json() == {
        "compatible": False,
        "changes": [
            {
                "change": "removed",
                "column": "a",
                "before": {"type": "number", "nullable": False},
                "after": None,
                "breaks": True,
                "says": "column 'a' is gone: requests that send it are refused",
            },
            {
                "change": "added",
                "column": "c",
                "before": None,
                "after": {"type": "number", "nullable": False},
                "breaks": True,
                "says": "column 'c' is new: requests that do not send it are refused",
            },
            {
                "change": "retyped",
                "column": "b",
                "before": "integer",
                "after": "number",
                "breaks": False,
                "says": "column 'b' is number, it was integer",
            },
        ],
    }

"""The differences of two versions, without a server."""

from typing import Any

from changeover.json_types import Json, JsonObject
from changeover.manifest.diff import GoldenDiff, compare_answers, diff, golden_answers, row_key
from changeover.manifest.manifest import Manifest

ROWS: list[JsonObject] = [{"a": 1}, {"a": 2}, {"a": 3}]


def a_version(digit: str, **more: Any) -> Manifest:
    members: dict[str, Any] = {"schema": {"columns": [{"name": "a"}]}, "estimator": {}, "size": 10}
    return Manifest("loan", digit * 64, created_at="2026-01-31T12:00:00Z", **(members | more))


def answered(*labels: Json) -> dict[str, Json]:
    return {row_key(row): {"prediction": label} for row, label in zip(ROWS, labels, strict=False)}


def test_metrics_stand_side_by_side_with_their_difference() -> None:
    a, b = a_version("a", metrics={"f1": 0.5, "auc": 0.9}), a_version("b", metrics={"f1": 0.75, "loss": 1.0}, size=15)
    body = diff(a, b, GoldenDiff()).to_json()
    assert body["metrics"] == {
        "f1": {"a": 0.5, "b": 0.75, "difference": 0.25},
        "auc": {"a": 0.9, "b": None, "difference": None},
        "loss": {"a": None, "b": 1.0, "difference": None},
    }
    assert body["size"] == {"a": 10, "b": 15, "difference": 5}
    assert body["schema"] == {"compatible": True, "changes": []}
    assert body["golden"] == {"compared": 0, "differ": 0, "differences": [], "cannot": []}


def test_the_diff_has_only_the_packages_whose_versions_differ() -> None:
    a = a_version("a", environment={"numpy": "2.0", "scipy": "1.0"})
    b = a_version("b", environment={"numpy": "2.1", "scipy": "1.0", "pandas": "3.0"})
    assert diff(a, b, GoldenDiff()).environment == [("numpy", "2.0", "2.1"), ("pandas", None, "3.0")]


def test_the_diff_says_whether_the_metrics_are_on_the_same_data() -> None:
    first, second = {"data_sha256": "c" * 64}, {"data_sha256": "d" * 64}
    assert diff(a_version("a", evaluation=first), a_version("b", evaluation=first), GoldenDiff()).same_data is True
    assert diff(a_version("a", evaluation=first), a_version("b", evaluation=second), GoldenDiff()).same_data is False
    assert diff(a_version("a"), a_version("b", evaluation=second), GoldenDiff()).same_data is None


def test_answers_to_common_rows_are_compared_and_the_first_differing_part_is_named() -> None:
    golden = compare_answers(ROWS, answered("no", "yes", "no"), answered("no", "no"), ["why"])
    assert (golden.compared, golden.differ, golden.not_compared) == (2, 1, ["why"])
    assert golden.differences == [{"row": {"a": 2}, "part": "prediction", "a": "yes", "b": "no"}]


def test_kept_rows_are_found_whatever_the_order_of_their_fields() -> None:
    first = a_version("a", golden={"rows": [{"a": 1, "b": 2}], "outputs": [{"prediction": 1}]})
    second = a_version("b", golden={"rows": [{"b": 2, "a": 1}], "outputs": [{"prediction": 1}]})
    assert golden_answers(first).keys() == golden_answers(second).keys()
    assert golden_answers(a_version("a", golden={"rows": [{"a": 1}]})) == {}

"""The golden rows of two versions: changed labels first, then the largest moves."""

import pytest

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from model_server.console.behaviour import change, golden_rows
from model_server.console.charts import bars, line


def answer(prediction: Json, *probabilities: float) -> JsonObject:
    return {"prediction": prediction, "predict_proba": list(probabilities) or None}


def manifest(version: str, outputs: list[JsonObject], first: int = 0) -> Manifest:
    rows: list[Json] = [{"x": first + number} for number in range(len(outputs))]
    golden: JsonObject = {"rows": rows, "outputs": list[Json](outputs)}
    return Manifest("loan", version * 64, 1, "2026-01-31T12:00:00Z", {"columns": []}, {}, golden=golden)


def test_changed_labels_come_first_and_then_the_largest_moves() -> None:
    before = manifest("a", [answer(0, 0.9, 0.1), answer(0, 0.8, 0.2), answer(0, 0.6, 0.4), answer(1, 0.1, 0.9)])
    after = manifest("b", [answer(0, 0.9, 0.1), answer(0, 0.5, 0.5), answer(1, 0.4, 0.6), answer(1, 0.2, 0.8)])
    compared = golden_rows(before, after)
    assert [row["row"]["x"] for row in compared["rows"]] == [2, 1, 3, 0]
    assert (compared["compared"], compared["labels"], compared["moved"]) == (4, 1, 3)
    assert compared["largest"] == pytest.approx(0.3)
    assert [row["changed"] for row in compared["rows"]] == [True, True, True, False]


def test_two_versions_without_a_common_golden_row_are_not_called_the_same() -> None:
    compared = golden_rows(manifest("a", [answer(0)]), manifest("b", [answer(0)], first=5))
    assert compared["compared"] == 0
    assert "no golden row in common" in compared["why"]


def test_a_first_version_has_nothing_to_compare_with() -> None:
    assert "no version before" in golden_rows(None, manifest("b", [answer(0)]))["why"]
    assert "No version is current" in golden_rows(None, None)["why"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (answer("yes", 0.7, 0.3), answer("no", 0.4, 0.6), (True, 0.3)),
        (answer(10.5), answer(12.0), (False, 1.5)),
        (answer([1.0, 2.0]), answer([1.0, 2.5]), (True, 0.0)),
        (answer(True, 0.5, 0.5), answer(False, 0.5, 0.5), (True, 0.0)),
        ("broken", answer(1), (True, 0.0)),
    ],
)
def test_the_size_of_a_change(old: Json, new: Json, expected: tuple[bool, float]) -> None:
    changed, move = change(old, new)
    assert (changed, move) == (expected[0], pytest.approx(expected[1]))


def test_a_line_spans_its_chart_and_marks_the_current_version() -> None:
    chart = line([0.8, 0.9, 0.85], marked=1)
    assert chart["points"] == "4,32 80,4 156,18"
    assert chart["marked"] == (80.0, 4.0)
    assert line([0.5])["points"] == "80,18"
    assert line([])["last"] is None


def test_the_bars_of_two_distributions_share_a_scale() -> None:
    first, second = bars([0.5, 0.5], [0.25, 0.0], width=100, height=40)
    assert (first["old"], first["new"], second["new"]) == (40.0, 20.0, 0.0)
    assert (second["x"], second["bar"]) == (50.0, 20.0)

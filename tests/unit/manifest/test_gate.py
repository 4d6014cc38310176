"""The promote gate: versions that pass, versions that do not, and both numbers in the summary."""

from typing import Any

import pytest

from changeover.exceptions import InvalidGate
from changeover.manifest import gate
from changeover.manifest.manifest import Manifest

OURS, OTHERS = "a" * 64, "b" * 64


def a_version(digit: str, evaluation: str | None = OURS, **metrics: float) -> Manifest:
    return Manifest(
        model="wine",
        version=digit * 64,
        size=1,
        created_at="2026-01-31T12:00:00Z",
        schema={},
        estimator={},
        metrics=metrics,
        evaluation={"data_sha256": evaluation, "rows": 36} if evaluation else None,
    )


CHAMPION = a_version("c", f1_macro=0.93, loss=0.2)


def judged(text: str, candidate: Manifest, current: Manifest | None = CHAMPION, **more: Any) -> tuple[bool, str]:
    judgements = gate.judge(gate.parse(text), candidate, current, **more)
    return all(judgement.passed for judgement in judgements), gate.summary(judgements)


@pytest.mark.parametrize("figure", [0.94, 0.93])
def test_a_version_that_is_not_worse_passes_and_the_summary_has_both_numbers(figure: float) -> None:
    assert judged("f1_macro>=current", a_version("d", f1_macro=figure)) == (
        True,
        f"gate: f1_macro {figure} >= 0.93 of {'c' * 12}",
    )


def test_a_worse_version_is_refused_with_both_numbers() -> None:
    assert judged("f1_macro>=current", a_version("d", f1_macro=0.9)) == (
        False,
        f"gate: f1_macro 0.9 < 0.93 of {'c' * 12}",
    )


def test_numbers_that_differ_in_late_digits_are_shown_with_all_digits() -> None:
    assert "0.9299999 < 0.93 of" in judged("f1_macro>=current", a_version("d", f1_macro=0.9299999))[1]


def test_a_metric_that_should_be_small_has_an_upper_bound() -> None:
    assert judged("loss<=current", a_version("d", loss=0.1))[0]
    assert judged("loss<=current", a_version("d", loss=0.3)) == (False, f"gate: loss 0.3 > 0.2 of {'c' * 12}")


def test_every_condition_must_hold() -> None:
    assert not judged("f1_macro>=current, accuracy>=0.9", a_version("d", f1_macro=0.95, accuracy=0.8))[0]
    assert judged(" f1_macro >= current ,accuracy>=0.9", a_version("d", f1_macro=0.95, accuracy=0.9))[0]


def test_a_version_without_the_metric_does_not_pass() -> None:
    passed, message = judged("f1_macro>=current", a_version("d", accuracy=0.99))
    assert not passed
    assert "no metric f1_macro: it has accuracy" in message
    assert "it has no metrics" in judged("accuracy>=0.9", a_version("d"))[1]
    assert "has no metric f1_macro" in judged("f1_macro>=current", a_version("d", f1_macro=1), a_version("c"))[1]


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        (OTHERS, OURS, "it was measured on other held-out data (bbbbbbbbbbbb) than current"),
        (None, OURS, "it does not say on which held-out data"),
        (OURS, None, "current cccccccccccc does not say on which held-out data"),
        (None, None, "neither version says on which held-out data"),
    ],
)
def test_only_like_is_compared_with_like(ours: str | None, theirs: str | None, why: str) -> None:
    current = a_version("c", theirs, f1_macro=0.5)
    passed, message = judged("f1_macro>=current", a_version("d", ours, f1_macro=0.9), current)
    assert not passed
    assert why in message
    assert "only like is compared with like" in message


def test_a_fixed_bound_needs_no_data_to_compare_with() -> None:
    assert judged("accuracy>=0.9", a_version("d", None, accuracy=0.9))[0]


def test_the_first_version_passes_what_is_relative_and_must_reach_what_is_absolute() -> None:
    assert judged("f1_macro>=current", a_version("d"), None)[0]
    assert not judged("accuracy>=0.9", a_version("d", accuracy=0.8), None)[0]


def test_a_current_version_whose_manifest_is_lost_is_not_taken_for_the_first() -> None:
    passed, message = judged("f1_macro>=current", a_version("d", f1_macro=0.9), None, replaces="c" * 64)
    assert not passed
    assert "cannot be read" in message


@pytest.mark.parametrize("text", ["f1", "f1>current", "f1>=best", ">=0.5", "f1>=0.5,", "f1>=nan", "f1>=0.5;g>=1"])
def test_a_gate_that_cannot_be_read_is_named_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(InvalidGate, match="current"):
        gate.parse(text)


def test_a_blank_gate_asks_for_nothing() -> None:
    assert gate.parse("  ") == ()


def test_the_line_of_a_rehearsal_is_no_condition_on_metrics() -> None:
    conditions = gate.parse("f1_macro>=0.9, disagreement<=0.02, disagreement<=0.01")
    assert gate.disagreement(conditions) == 0.01
    assert [each.condition for each in gate.judge(conditions, CHAMPION, None)] == ["f1_macro>=0.9"]
    assert gate.disagreement(gate.parse("f1_macro>=0.9")) is None


@pytest.mark.parametrize("text", ["disagreement>=0.02", "disagreement<=current", "disagreement<=2", "disagreement<=-1"])
def test_the_line_of_a_rehearsal_is_a_share_that_is_not_exceeded(text: str) -> None:
    with pytest.raises(InvalidGate, match="disagreement<=NUMBER, from 0 to 1"):
        gate.parse(text)

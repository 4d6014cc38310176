"""The comparison of counts: false alarms, power, and what it says about a change."""

from collections.abc import Sequence

import numpy as np
import pytest

from changeover.drift.judging import ALPHA, FEWEST_ROWS, WORTH, Quality, Verdict, bins, judge, sentence
from changeover.drift.making import make_reference
from changeover.drift.reference import Categories, Numbers, Reference, counts_of, parts
from changeover.drift.statistics import noise_line, stability_index
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from tests.unit.drift.samples import counted, names, schema_of

M = 5000
TENTHS = np.full(10, 0.1)
ZIPF = (1 / np.arange(1, 21)) / (1 / np.arange(1, 21)).sum()
SURE = np.r_[np.full(15, 0.002), 0.01, 0.03, 0.08, 0.2, 0.65]  # probabilities of a confident model


def drawn(rng: np.random.Generator, rows: int, kinds: Sequence[np.ndarray]) -> list[int]:
    """A vector of counts of `rows` rows: numbers for odd shares, categories for ZIPF."""
    counts: list[int] = []
    for kind in kinds:
        sample = rng.multinomial(rows, kind).tolist()
        counts += [*sample, 0, 0] if kind is ZIPF else [0, *sample, 0, 0]
    return counts


def reference_of(counts: Sequence[int], kinds: Sequence[np.ndarray]) -> Reference:
    columns: dict[str, Numbers | Categories] = {}
    start = 0
    for index, kind in enumerate(kinds):
        size = len(kind) + (2 if kind is ZIPF else 3)
        part = list(counts[start : start + size])
        edges = [float(edge) for edge in range(1, len(kind))]
        column = Categories([*map(str, range(19))], part) if kind is ZIPF else Numbers(edges, part, 0.0, 20.0, 3.0)
        columns[f"c{index:03}"] = column
        start += size
    return Reference(M, columns)


@pytest.mark.parametrize("rows", [FEWEST_ROWS, 1000, 10_000])
def test_a_quiet_window_is_a_false_alarm_once_in_fifty_at_most(rows: int) -> None:
    rng, kinds = np.random.default_rng(7), [TENTHS, ZIPF, SURE] * 2
    alarms = 0
    for window in range(1000):
        if window % 20 == 0:
            before = drawn(rng, M, kinds)
            reference = reference_of(before, kinds)
        alarms += judge(reference, before, drawn(rng, rows, kinds), M, rows).changed
    assert alarms <= 2 * ALPHA * 1000


def test_the_line_holds_without_the_threshold_of_what_is_worth_telling() -> None:
    rng, alarms = np.random.default_rng(8), 0
    for _ in range(1000):
        before = drawn(rng, M, [TENTHS])
        (shift,) = judge(reference_of(before, [TENTHS]), before, drawn(rng, 2000, [TENTHS]), M, 2000).shifts
        alarms += shift.psi >= shift.line
    assert 0 < alarms <= 2 * ALPHA * 1000


def test_a_shift_of_a_third_of_a_standard_deviation_is_found_in_one_of_a_hundred_columns() -> None:
    rng, schema = np.random.default_rng(9), schema_of(100)
    reference = make_reference(schema, columns_of(rng.normal(size=(M, 100)), schema), M)
    rows = rng.normal(size=(2000, 100))
    rows[:, 41] += 0.3
    found = judge(reference, counts_of(reference), counted(reference, schema, rows), M, 2000)
    assert [shift.name for shift in found.shifts if shift.changed] == ["x41"]
    first = found.shifts[0]
    assert first.name == "x41"
    assert first.mean_shift == pytest.approx(0.3, abs=0.06)
    assert "x41 moved up by 0." in sentence(first)


def columns_of(matrix: np.ndarray, schema: Schema) -> dict[str, list[float]]:
    return {name: matrix[:, index].tolist() for index, name in enumerate(names(schema))}


def verdict_of(before: list[object], now: list[object], kind: ColumnType = ColumnType.STRING) -> Verdict:
    """The comparison of one column of these cells."""
    schema = Schema((Column("c", kind, nullable=True),))
    reference = make_reference(schema, {"c": before}, len(before))  # type: ignore[dict-item]
    return judge(reference, counts_of(reference), counted(reference, schema, {"c": now}), len(before), len(now))


def test_below_two_hundred_rows_nothing_is_told() -> None:
    few = verdict_of(["a"] * 500, ["b"] * (FEWEST_ROWS - 1))
    assert (few.enough, few.changed, few.quality, few.shifts) == (False, False, [], [])
    assert verdict_of(["a"] * 500, ["b"] * FEWEST_ROWS).changed


def test_the_share_of_missing_values_has_an_interval() -> None:
    found = verdict_of([1.0, 2.0] * 500, [1.0, 2.0, 1.0, None] * 250, ColumnType.NUMBER)
    (missing,) = found.quality
    assert (missing.what, missing.share, missing.share_before, missing.changed) == ("missing", 0.25, 0.0, True)
    assert 0.18 < missing.low < 0.25 < missing.high < 0.33
    assert sentence(missing) == "c: 25.0% of the values are missing, 0.0% in the reference"


def test_categories_never_seen_are_told_apart_from_rare_ones() -> None:
    many = [f"v{index}" for index in range(30)]
    found = verdict_of([*many * 40], [*many * 30, *["new"] * 100])
    assert [(each.what, each.share) for each in found.quality] == [("unseen", 0.1)]
    assert not any(shift.changed for shift in found.shifts)


def test_numbers_outside_the_range_of_the_reference_are_told() -> None:
    rng = np.random.default_rng(3)
    now = [*rng.uniform(0.01, 0.99, 900).tolist(), *[5.0] * 60, *[-5.0] * 40]
    found = verdict_of(rng.uniform(0, 1, 2000).tolist(), now, ColumnType.NUMBER)
    assert [(each.what, each.share, each.changed) for each in found.quality] == [("outside", 0.1, True)]


def test_a_change_that_is_too_small_to_matter_is_not_told() -> None:
    rng = np.random.default_rng(4)
    found = verdict_of(rng.normal(size=20_000).tolist(), (rng.normal(size=20_000) + 0.1).tolist(), ColumnType.NUMBER)
    (shift,) = found.shifts
    assert shift.line < shift.psi < WORTH
    assert not found.changed


def test_values_below_and_above_the_range_count_in_the_outer_bins() -> None:
    numbers = Numbers([1.0], [3, 10, 20, 4, 5], 0.0, 2.0)
    assert bins(numbers, numbers.counts) == [13, 24]


def test_the_index_is_symmetric_and_nought_for_equal_shares() -> None:
    assert stability_index([10, 20, 30], [30, 20, 10]) == pytest.approx(stability_index([30, 20, 10], [10, 20, 30]))
    assert stability_index([10, 20], [10, 20]) == 0.0


def test_bins_with_few_rows_are_joined() -> None:
    numbers = Numbers([1.0, 2.0, 3.0, 4.0], [0, 500, 2, 2, 2, 494, 0, 0], 0.0, 5.0)
    reference = Reference(1000, {"c": numbers})
    (shift,) = judge(reference, numbers.counts, numbers.counts, 1000, 1000).shifts
    assert shift.line == pytest.approx(noise_line(1000, 1000, 3, ALPHA))  # the three in the middle are one


def test_a_constant_column_has_no_index() -> None:
    found = verdict_of([7.0] * 300, [7.0] * 300, ColumnType.NUMBER)
    assert found.enough
    assert (found.shifts, found.quality) == ([], [])


def test_a_reference_of_few_rows_is_too_few() -> None:
    assert not verdict_of(["a"] * 13, ["a"] * 1000).enough


def test_findings_are_ordered_by_how_far_they_are_above_the_line() -> None:
    rng, schema = np.random.default_rng(5), schema_of(3)
    reference = make_reference(schema, columns_of(rng.normal(size=(M, 3)), schema), M)
    rows = rng.normal(size=(1000, 3)) + np.array([0.0, 1.0, 0.5])
    found = judge(reference, counts_of(reference), counted(reference, schema, rows), M, 1000)
    assert [shift.name for shift in found.shifts] == ["x1", "x2", "x0"]
    assert isinstance(found.quality[0], Quality)
    assert len(parts(reference)) == 3

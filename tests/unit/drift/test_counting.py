"""The reference and the counts by it: which bin a value is in, and that vectors add up."""

import json
import math

import numpy as np
import pytest

from changeover.drift.counting import ReferenceCounter
from changeover.drift.making import make_predictions, make_reference
from changeover.drift.reference import (
    Categories,
    Numbers,
    Reference,
    Texts,
    counts_of,
    digest_of,
    length,
    parts,
    read_reference,
)
from changeover.estimator.scores import Scores
from changeover.exceptions import InvalidManifest
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Schema
from tests.unit.drift.samples import counted, schema_of

SCHEMA = Schema(
    (
        Column("age", nullable=True),
        Column("town", ColumnType.STRING, nullable=True, categories=("Oslo", "Rome", "Bergen")),
        Column("member", ColumnType.BOOLEAN, nullable=True),
        Column("since", ColumnType.STRING, format=Format.DATE),
    )
)
CELLS: dict[str, list[object]] = {
    "age": [float(index % 50) for index in range(499)] + [None],
    "town": ["Oslo"] * 300 + ["Rome"] * 190 + [None] * 10,
    "member": [True, False] * 250,
    "since": ["2026-01-31"] * 500,
}
PREDICTIONS = make_predictions(["no", "yes"] * 250, [[0.7, 0.3], [0.2, 0.8]] * 250, ["no", "yes"], 500)
REFERENCE = make_reference(SCHEMA, CELLS, 500, PREDICTIONS)  # type: ignore[arg-type]


def part_of(name: str, counts: list[int]) -> list[int]:
    (part,) = [part for part in parts(REFERENCE) if part.name == name]
    return list(part.of(counts))


def test_the_reference_is_counted_in_its_own_bins() -> None:
    answers = Scores(["no", "yes"] * 250, [[0.7, 0.3], [0.2, 0.8]] * 250, ["no", "yes"])
    assert counted(REFERENCE, SCHEMA, CELLS, answers) == counts_of(REFERENCE)  # type: ignore[arg-type]
    assert length(REFERENCE) == len(counts_of(REFERENCE))


def test_each_kind_of_column_has_its_bins() -> None:
    age, town, member = (REFERENCE.columns[name] for name in ("age", "town", "member"))
    assert isinstance(age, Numbers)
    assert (age.least, age.most, len(age.edges), age.counts[-1]) == (0.0, 49.0, 9, 1)
    assert isinstance(member, Numbers)
    assert (member.values, member.counts) == ([0.0, 1.0], [0, 250, 250, 0, 0])
    assert town == Categories(["Oslo", "Rome"], [300, 190, 0, 0, 10])
    assert REFERENCE.columns["since"] == Texts([500, 0])


def test_live_values_are_counted_where_they_belong() -> None:
    now = {
        "age": [-1.0, 0.0, 49.0, 50.0, math.nan],
        "town": ["Oslo", "Bergen", "Ystad", None, "Rome"],
        "member": [True, True, None, False, False],
        "since": ["2026-02-01"] * 5,
    }
    counts = counted(REFERENCE, SCHEMA, now)
    below, first, *_, last, above, missing = part_of("age", counts)
    assert (below, first, last, above, missing) == (1, 1, 1, 1, 1)
    assert part_of("town", counts) == [1, 1, 1, 1, 1]  # Bergen is in the schema, Ystad is new
    assert part_of("member", counts) == [0, 2, 2, 0, 1]
    assert part_of("since", counts) == [5, 0]


def test_answers_are_counted_by_label_and_probability() -> None:
    answers = Scores(["yes", None, "maybe"], [[0.01, 0.99], None, [0.5, 0.5]], ["no", "yes"])
    rows = {"age": [1.0] * 3, "town": ["Oslo"] * 3, "member": [True] * 3, "since": ["2026-01-01"] * 3}
    counts = counted(REFERENCE, SCHEMA, rows, answers)
    assert part_of("prediction", counts) == [0, 1, 0, 1, 0]
    positive = part_of("probability of yes", counts)
    assert (positive[10], positive[20], sum(positive)) == (1, 1, 2)


def test_the_fast_reader_and_the_strict_one_give_the_same_counts() -> None:
    rows = [
        {"age": age, "town": town, "member": member, "since": "2026-01-31"}
        for age, town, member in zip([1, None, 60.5], ["Rome", "Ystad", None], [True, None, False], strict=True)
    ]
    reader = RequestReader(SCHEMA)
    fast, strict = reader.read(json.dumps(rows).encode(), 10), reader.read_rows(rows, 10)  # type: ignore[arg-type]
    assert type(fast) is not type(strict)
    answers = Scores([None] * 3, None, None)
    counter = ReferenceCounter(REFERENCE, SCHEMA)
    one, other = (sum(counter.count([request], [answers])) for request in (fast, strict))  # type: ignore[list-item]
    assert np.array_equal(one, other)
    assert part_of("town", one.tolist()) == [0, 1, 0, 1, 1]  # type: ignore[union-attr]


def test_the_sums_of_four_workers_are_those_of_one() -> None:
    rng, schema = np.random.default_rng(1), schema_of(100)
    rows = rng.normal(size=(4000, 100))
    reference = make_reference(schema, {f"x{i}": rows[:, i].tolist() for i in range(100)}, 4000)
    workers = [counted(reference, schema, rows[worker::4] + 0.1) for worker in range(4)]
    assert np.array_equal(np.sum(workers, axis=0), counted(reference, schema, rows + 0.1))


def test_a_regressor_has_deciles_of_its_answers_and_no_probabilities() -> None:
    predictions = make_predictions([float(index) for index in range(1000)], None, None, 1000)
    assert predictions is not None
    assert list(predictions.variables) == ["prediction"]
    assert predictions.variables["prediction"].counts[1:-2] == [100] * 10


def test_bins_without_reference_answers_have_no_counts() -> None:
    predictions = make_predictions(["a", "b"], [[1.0, 0.0], [0.0, 1.0]], ["a", "b"], 0)
    assert predictions is not None
    assert all(set(variable.counts) == {0} for variable in predictions.variables.values())


def test_a_column_of_many_texts_has_no_categories() -> None:
    schema = Schema((Column("note", ColumnType.STRING, nullable=True),))
    cells = [f"note {index}" for index in range(500)]
    assert make_reference(schema, {"note": cells}, 500).columns == {"note": Texts([500, 0])}


def test_a_reference_is_read_back_with_the_same_digest() -> None:
    again = read_reference(json.loads(json.dumps(REFERENCE.to_json())))
    assert again == REFERENCE
    assert digest_of(again) == digest_of(REFERENCE)
    assert digest_of(Reference(1, {})) != digest_of(REFERENCE)


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ({"kind": "number", "edges": [2.0, 1.0], "counts": [0] * 6, "least": 0.0, "most": 3.0}, "ascend"),
        ({"kind": "number", "edges": [1.0], "counts": [0] * 4, "least": 0.0, "most": 3.0}, "4 counts for 5 bins"),
        ({"kind": "number", "edges": [math.inf], "counts": [0] * 5, "least": 0.0, "most": 3.0}, "ascend"),
        ({"kind": "category", "values": ["a"], "counts": [1, 0, 0, -1]}, "counts"),
        ({"kind": "violin"}, "violin"),
        ({"kind": "category", "values": ["a" * 200_000], "counts": [1, 0, 0, 0]}, "leave columns out"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(column: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidManifest, match=fault):
        read_reference({"n": 10, "columns": {"a": column}})

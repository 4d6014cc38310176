"""Rows of a new version are counted in the bins of the version before, too."""

from typing import Any

import numpy as np

from changeover.drift.making import make_predictions, make_reference
from changeover.drift.reference import digest_of, parts
from changeover.estimator.scores import Scores
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.request.decode import Decoded
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from predict_api.drift.version_counter import COMPARED_SECONDS, FormerVersions, VersionCounter, counter_of

RNG = np.random.default_rng(1)
OLD = Schema((Column("age"), Column("town", ColumnType.STRING), Column("gone")))
NEW = Schema((Column("age"), Column("town"), Column("added")))  # town is a number now


def counter(version: str, schema: Schema) -> VersionCounter:
    cells: dict[str, Any] = {
        name: ["Oslo"] * 500 if column.type is ColumnType.STRING else RNG.normal(size=500).tolist()
        for name, column in schema.by_name.items()
    }
    answers = make_predictions(["no", "yes"] * 250, [[0.7, 0.3], [0.2, 0.8]] * 250, ["no", "yes"], 500)
    reference: JsonObject = make_reference(schema, cells, 500, answers).to_json()
    estimator: JsonObject = {"type": "Pipeline"}
    manifest = Manifest("loan", version, 1, "now", schema.to_json(), estimator, reference=reference)
    return counter_of(manifest)


def test_after_a_roll_the_rows_are_counted_by_the_former_reference_too() -> None:
    versions, old, new = FormerVersions(), counter("a" * 64, OLD), counter("b" * 64, NEW)
    assert versions.besides(old, 0.0) == []
    (by_former,) = versions.besides(new, 1.0)
    assert (by_former.version, by_former.digest) == (new.version, digest_of(old.reference))
    rows = Decoded(single=False, rows=2, columns={"age": [-9.0, 9.0], "town": [1.0, 2.0], "added": [0.0, 0.0]})
    answers = Scores(["yes", "perhaps"], [[0.1, 0.9], [0.6, 0.4]], ["yes", "perhaps"])
    vector = by_former.count([(rows, answers)]).tolist()
    of = {part.name: list(part.of(vector)) for part in parts(old.reference)}
    assert (of["age"][0], of["age"][-2]) == (1, 1)
    assert sum(of["town"]) == 0  # it is of another type
    assert sum(of["gone"]) == 0
    assert of["prediction"] == [0, 1, 0, 1, 0]  # no, yes, others, new, missing
    assert sum(of["probability of yes"]) == 2
    assert versions.besides(new, 2.0) == [by_former]


def test_labels_are_not_counted_by_a_former_reference_of_numbers() -> None:
    """A model that predicted numbers predicts texts after the roll; its columns are compared all the same."""
    cells: dict[str, Any] = {"age": [1.0] * 500, "town": ["Oslo"] * 500, "gone": [1.0] * 500}
    prices = make_reference(OLD, cells, 500, make_predictions(RNG.normal(size=500).tolist(), None, None, 500))
    old = counter_of(
        Manifest("loan", "a" * 64, 1, "now", OLD.to_json(), {"type": "Pipeline"}, reference=prices.to_json())
    )
    versions, new = FormerVersions(), counter("b" * 64, OLD)
    versions.besides(old, 0.0)
    (by_former,) = versions.besides(new, 1.0)
    rows = Decoded(single=False, rows=2, columns={"age": [-9.0, 9.0], "town": ["Oslo", "Rome"], "gone": [0.0, 0.0]})
    vector = by_former.count([(rows, Scores(["yes", 3], None, None))]).tolist()
    of = {part.name: list(part.of(vector)) for part in parts(old.reference)}
    assert sum(of["age"]) == 2
    assert sum(of["prediction"]) == 0


def test_after_two_hours_the_former_version_is_compared_no_more() -> None:
    versions, old, new = FormerVersions(), counter("a" * 64, OLD), counter("b" * 64, NEW)
    versions.besides(old, 0.0)
    assert len(versions.besides(new, COMPARED_SECONDS)) == 1
    assert versions.besides(new, COMPARED_SECONDS + 1) == []


def test_a_version_with_the_same_reference_is_counted_once() -> None:
    versions, old = FormerVersions(), counter("a" * 64, OLD)
    versions.besides(old, 0.0)
    same = VersionCounter("loan", "b" * 64, old.schema, old.reference, old.digest, old.counter)
    assert versions.besides(same, 1.0) == []

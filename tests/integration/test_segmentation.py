"""The example of a hundred columns: its two bodies, its threshold, and its schema in the joblib file."""

import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pytest

from changeover import digest
from changeover.demo.bodies import body
from changeover.demo.generate import CATEGORIES, NAMES, TARGET, generate
from changeover.demo.train import PERCENTILE, ROWS, Trained, build, draft
from changeover.estimator import golden_rows
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scores import Scores
from changeover.estimator.scoring import score
from changeover.estimator.training_frame import read_frame
from changeover.manifest.manifest import Draft
from changeover.request.decode import Decoded, decode
from changeover.request.strict_json import parse
from changeover.schema.cell_parsers import Case
from changeover.schema.formats import Format
from changeover.schema.schema import ATTRIBUTE, Schema
from tests.tree import ROOT


@pytest.fixture(scope="module")
def trained() -> Trained:
    return build(seed=0)


def ask(trained: Trained, decoded: Decoded) -> Scores:
    return score(trained.estimator, trained.schema, decoded.columns, decoded.rows)


def single(trained: Trained, **changed: object) -> Scores:
    row = json.loads(body("single")) | changed
    return ask(trained, decode(row, trained.schema, 10))


def test_both_bodies_are_answered(trained: Trained) -> None:
    for name, rows in (("single", 1), ("batch", 4)):
        decoded = decode(parse(body(name)), trained.schema, 10)  # type: ignore[arg-type]
        scores = ask(trained, decoded)
        assert decoded.single == (name == "single")
        assert scores.classes == [0, 1]
        assert len(scores.labels) == rows
        assert set(scores.labels) <= {0, 1}
        assert np.allclose(np.array(scores.probabilities).sum(axis=1), 1.0)


def test_the_bodies_are_read_as_they_are_meant(trained: Trained) -> None:
    columns = decode(parse(body("batch")), trained.schema, 10).columns
    assert columns["x12"] == [6882.34, 5647.81, -5032.58, -1920.03]
    assert columns["x63"] == [62.59, 3.11, 28.07, 33.49]
    assert np.isnan(np.array(columns["x76"], dtype=float)).tolist() == [True, False, False, False]


def test_the_model_has_learnt_something(trained: Trained) -> None:
    assert trained.metrics["roc_auc"] > 0.8
    assert build(seed=0, strength=0.0).metrics["roc_auc"] < 0.6


def test_the_threshold_is_the_75th_percentile_of_the_training_scores(trained: Trained) -> None:
    raw = generate(ROWS, seed=0)
    scores = trained.estimator.predict_proba(read_frame(raw, trained.schema))[:, 1]
    labels = trained.estimator.predict(read_frame(raw, trained.schema))
    assert (labels == (scores >= trained.estimator.threshold)).all()
    assert labels.mean() == pytest.approx(1 - PERCENTILE / 100, abs=0.02)
    assert trained.estimator.threshold != pytest.approx(0.5, abs=0.02)


def test_the_model_chooses_25_columns(trained: Trained) -> None:
    assert trained.estimator.estimator_.named_steps["select"].get_support().sum() == 25


def test_a_missing_category_counts_as_one_never_seen(trained: Trained) -> None:
    for name in CATEGORIES:
        assert single(trained, **{name: None}) == single(trained, **{name: "never seen"})


def test_a_category_counts_in_any_case(trained: Trained) -> None:
    for name, listed in CATEGORIES.items():
        answers = [single(trained, **{name: value}) for value in listed]
        assert answers == [single(trained, **{name: value.upper()}) for value in listed]
        assert answers == [single(trained, **{name: value.title()}) for value in listed]
        assert any(answer != single(trained, **{name: None}) for answer in answers)


def test_a_missing_number_counts_as_the_mean_of_training(trained: Trained) -> None:
    numbers = trained.estimator.estimator_.named_steps["columns"].named_transformers_["numbers"]
    mean = float(numbers[0].statistics_[numbers.feature_names_in_.tolist().index("x12")])
    assert single(trained, x12="nan").probabilities == single(trained, x12=mean).probabilities
    assert single(trained, x12="nan").probabilities != single(trained, x12="$9,999").probabilities


def test_every_field_may_be_missing(trained: Trained) -> None:
    assert single(trained, **dict.fromkeys(NAMES)).labels in ([0], [1])


def test_the_schema_travels_inside_the_joblib_file(trained: Trained) -> None:
    buffer = BytesIO()
    joblib.dump(trained.estimator, buffer)
    buffer.seek(0)
    loaded = joblib.load(buffer)
    assert infer_schema(loaded) == trained.schema
    assert trained.schema.by_name["x12"].format is Format.CURRENCY
    assert trained.schema.by_name["x63"].format is Format.PERCENT


def test_without_the_attached_schema_the_example_frame_gives_the_same(trained: Trained) -> None:
    bare = build(seed=0)
    delattr(bare.estimator, ATTRIBUTE)
    inferred = infer_schema(bare.estimator, generate(200))
    expected = [replace(column, case=Case.EXACT) for column in trained.schema.columns]  # a pipeline does not hold this
    assert inferred == Schema(tuple(expected))


def test_golden_rows_replay(trained: Trained) -> None:
    golden_rows.replay(
        trained.estimator, trained.schema, golden_rows.record(trained.estimator, trained.schema, trained.golden_rows)
    )


def test_another_seed_is_another_model_of_the_same_schema(trained: Trained) -> None:
    second = build(seed=2)
    assert second.schema == trained.schema
    assert single(second).probabilities != single(trained).probabilities


def test_the_generated_frame_has_the_shape_of_the_bodies() -> None:
    frame = generate(500, seed=3)
    assert list(frame.columns) == [*NAMES, TARGET]
    assert frame["x12"].str.contains(r"^\(\$[\d,]+\.\d\d\)$").any()
    assert frame["x12"].str.contains(r"^\$[\d,]+\.\d\d $").any()
    assert frame["x63"].str.endswith("%").any()
    assert (frame["x0"] == "nan").any()
    assert frame["x5"].isna().any()
    assert {"GERMANY", "germany"} <= set(frame["x31"])
    assert set(frame[TARGET]) == {0, 1}
    assert frame.equals(generate(500, seed=3))


def test_the_command_writes_a_model_file_and_its_manifest(tmp_path: Path) -> None:
    files = [tmp_path / "one.joblib", tmp_path / "two.joblib"]
    for file in files:
        run = [sys.executable, "-m", "changeover.demo.train", "--rows", "400", "--out", str(file)]
        subprocess.run([*run, "--manifest", str(tmp_path / "manifest.json")], check=True, cwd=ROOT, timeout=120)
    assert digest.sha256(files[0].read_bytes()) == digest.sha256(files[1].read_bytes())
    written = Draft.from_json(json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8")))
    assert written.schema is not None
    assert Schema.from_json(written.schema, strict=True) == build(rows=400).schema
    assert written == draft(build(rows=400))

"""The draft of an example frame: a schema, and golden rows with their outputs."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from changeover.client.draft import draft_of
from changeover.estimator.golden_choice import MOST_ROWS, SPREAD_ROWS
from changeover.estimator.golden_rows import replay
from changeover.json_types import Json
from changeover.manifest.manifest import Draft
from changeover.schema.schema import Schema

X = pd.DataFrame(np.random.default_rng(1).normal(size=(500, 2)), columns=["a", "b"])
X.loc[[7, 8, 470], "a"] = np.nan
Y = X["b"] > 0
MODEL = make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, Y)


def rows_of(draft: Draft) -> list[dict[str, Json]]:
    assert draft.golden is not None
    rows = draft.golden["rows"]
    assert isinstance(rows, list)
    return rows  # type: ignore[return-value]


def test_golden_rows_come_from_the_whole_example_and_include_missing_values() -> None:
    draft = draft_of(MODEL, X)
    rows = rows_of(draft)
    assert SPREAD_ROWS <= len(rows) <= MOST_ROWS
    assert any(row["a"] is None for row in rows)
    assert draft.golden is not None
    assert draft.schema is not None
    replay(MODEL, Schema.from_json(draft.schema), draft.golden)
    assert draft.environment.keys() >= {"python", "scikit-learn", "numpy", "joblib", "scipy", "pandas"}


def test_rows_that_the_model_cannot_answer_are_passed_over() -> None:
    full = X.dropna()
    draft = draft_of(LogisticRegression().fit(full, full["b"] > 0), X)
    assert len(rows_of(draft)) >= SPREAD_ROWS - 2
    assert all(row["a"] is not None for row in rows_of(draft))


def test_a_small_example_is_kept_whole() -> None:
    assert len(rows_of(draft_of(MODEL, X.head(3)))) == 3


def test_a_file_is_described_by_an_example_as_its_estimator_is(tmp_path: Path) -> None:
    joblib.dump(MODEL, tmp_path / "model.joblib")
    described = draft_of(tmp_path / "model.joblib", X)
    assert (described.schema, described.golden) == (draft_of(MODEL, X).schema, draft_of(MODEL, X).golden)
    assert described.environment == {}  # the running environment may differ from that of the training


def test_what_the_draft_says_stands() -> None:
    publisher = Draft(metrics={"f1": 0.5}, golden={"rows": [{"a": 1.0, "b": 2.0}]}, environment={"numpy": "1.0"})
    draft = draft_of(MODEL, X, {"auc": 0.9}, "ab" * 32, "why", publisher)
    assert draft.golden == publisher.golden
    assert draft.metrics == {"f1": 0.5, "auc": 0.9}
    assert draft.evaluation == {"data_sha256": "ab" * 32}
    assert (draft.environment["numpy"], draft.description) == ("1.0", "why")


@pytest.mark.parametrize("rows", [1, 9, 10, 11, 39, 41, 499])
def test_any_size_of_an_example_gives_rows(rows: int) -> None:
    assert min(rows, SPREAD_ROWS) <= len(rows_of(draft_of(MODEL, X.head(rows)))) <= MOST_ROWS

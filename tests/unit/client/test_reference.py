"""The reference in the draft of a publish: by a table of its own, or by the example."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover.client.draft import draft_of
from changeover.client.reference import MOST_ROWS, InvalidReference
from changeover.drift.reference import Categories, Numbers, Reference, read_reference
from changeover.manifest.manifest import Draft

RNG = np.random.default_rng(1)
X = pd.DataFrame({"age": RNG.normal(40, 10, 600), "town": ["Oslo", "Rome", "Bergen"] * 200, "members": [0, 1] * 300})
Y = np.where(X["age"] > 40, "yes", "no")
ENCODED = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough")
MODEL = make_pipeline(ENCODED, LogisticRegression(max_iter=1000)).fit(X, Y)


def reference_of(draft: Draft) -> Reference:
    assert draft.reference is not None
    return read_reference(draft.reference)


def test_the_example_is_the_reference_by_default_and_its_answers_have_bins_only() -> None:
    reference = reference_of(draft_of(MODEL, X))
    assert (reference.n, reference.origin) == (600, "example")
    town = reference.columns["town"]
    assert isinstance(town, Categories)
    assert sorted(town.counts) == [0, 0, 0, 200, 200, 200]
    assert reference.predictions is not None
    assert reference.predictions.n == 0
    assert set(reference.predictions.variables) == {"prediction", "highest probability", "probability of yes"}


def test_a_table_with_the_target_and_predictions_is_the_reference() -> None:
    held_out = X.assign(target=Y).tail(300)
    reference = reference_of(
        draft_of(MODEL, X, reference=held_out, reference_predictions=MODEL.predict_proba(X.tail(300)))
    )
    assert (reference.n, reference.origin, set(reference.columns)) == (300, "reference", set(X))
    assert reference.predictions is not None
    assert reference.predictions.n == 300
    labels = reference.predictions.variables["prediction"]
    assert isinstance(labels, Categories)
    assert labels.values == ["no", "yes"]
    assert sum(labels.counts) == 300


def test_the_reference_alone_gives_schema_and_golden_rows_too() -> None:
    draft = draft_of(MODEL, reference=X)
    assert draft.schema == draft_of(MODEL, X).schema
    assert draft.golden is not None
    assert reference_of(draft).origin == "reference"


def test_labels_are_predictions_too() -> None:
    reference = reference_of(draft_of(MODEL, reference=X, reference_predictions=pd.Series(Y)))
    assert reference.predictions is not None
    assert list(reference.predictions.variables) == ["prediction"]


def test_a_regressor_has_bins_of_its_answers() -> None:
    model = LinearRegression().fit(X[["age"]], X["members"])
    predictions = reference_of(draft_of(model, X[["age"]])).predictions
    assert predictions is not None
    assert isinstance(predictions.variables["prediction"], Numbers)


def test_a_large_table_is_thinned_out_evenly() -> None:
    table = pd.concat([X] * 70, ignore_index=True)
    reference = reference_of(draft_of(MODEL, X, reference=table, reference_predictions=[*Y] * 70))
    assert MOST_ROWS / 2 < reference.n <= MOST_ROWS
    assert reference.predictions is not None
    assert reference.predictions.n == reference.n == sum(reference.predictions.variables["prediction"].counts)


def test_a_file_is_compared_with_the_same_reference(tmp_path: Path) -> None:
    joblib.dump(MODEL, tmp_path / "model.joblib")
    assert draft_of(tmp_path / "model.joblib", X).reference == draft_of(MODEL, X).reference


def test_false_publishes_no_reference() -> None:
    assert draft_of(MODEL, X, reference=False).reference is None
    assert "reference" not in draft_of(MODEL, X, reference=False).to_json()


@pytest.mark.parametrize("predictions", [Y[:5], np.zeros((600, 3)), np.zeros((600, 2, 2))])
def test_predictions_of_another_shape_are_an_error(predictions: np.ndarray) -> None:
    with pytest.raises(InvalidReference, match="reference_predictions"):
        draft_of(MODEL, X, reference=X, reference_predictions=predictions)

"""Models without their vectorizer: refused where that is known, and admitted like any wide model where it is not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from changeover.estimator.infer_schema import infer_schema
from changeover.exceptions import InvalidSchema

WIDE = np.random.RandomState(0).rand(20, 1200)
LABELS = np.arange(20) % 2


@pytest.mark.parametrize(
    "model",
    [
        MultinomialNB().fit(WIDE, LABELS),
        ComplementNB().fit(WIDE, LABELS),
        SVC().fit(sparse.csr_matrix(WIDE[:, :150]), LABELS),
        make_pipeline(TfidfTransformer(), LogisticRegression()).fit(WIDE[:, :20], LABELS),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_of_a_vectorizer_that_is_missing_is_refused_with_the_pipeline_to_publish(model: Any) -> None:
    with pytest.raises(InvalidSchema, match=r"`changeover\.publish\(make_pipeline\(vectorizer, model\)\)`"):
        infer_schema(model)
    width = model.n_features_in_
    assert len(infer_schema(model, pd.DataFrame(WIDE[:, :width])).columns) == width  # an example says what they are


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression().fit(WIDE, LABELS),
        BernoulliNB().fit(WIDE, LABELS),
        MultinomialNB().fit(WIDE[:, :800], LABELS),
        MultinomialNB().fit(pd.DataFrame(WIDE).add_prefix("w"), LABELS),
        SVC().fit(WIDE[:, :150], LABELS),
    ],
    ids=lambda model: f"{type(model).__name__} of {model.n_features_in_}",
)
def test_a_model_of_a_wide_array_is_admitted(model: Any) -> None:
    assert len(infer_schema(model).columns) == model.n_features_in_


def test_a_pipeline_with_its_vectorizer_is_admitted() -> None:
    words = ["red apple", "green pear"] * 10
    model = make_pipeline(CountVectorizer(), TfidfTransformer(), MultinomialNB()).fit(words, LABELS)
    assert [column.name for column in infer_schema(model).columns] == ["text"]

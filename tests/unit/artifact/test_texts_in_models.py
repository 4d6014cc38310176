"""Models that were fitted where pandas keeps texts in the memory of pyarrow answer as those fitted without it."""

import io
import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from changeover.artifact.load import load_model

RANDOM = np.random.default_rng(0)
CELLS = {
    "city": RANDOM.choice(np.array(["Rome", "Oslo", "Zürich", None], dtype=object), 80),
    "zip": RANDOM.choice(np.array(["01100", "1100"], dtype=object), 80),
    "size": RANDOM.normal(size=80),
}
LABELS = np.where(RANDOM.random(80) > 0.5, "yes", "no")


def _frame() -> pd.DataFrame:
    return pd.DataFrame(CELLS).astype({"city": "str", "zip": "str"})


def _columns(frame: pd.DataFrame, encoder: Any) -> Any:
    """A choice of columns by two indexes of names."""
    numbers, others = frame.select_dtypes("number").columns, frame.select_dtypes(exclude="number").columns
    return ColumnTransformer([("numbers", StandardScaler(), numbers), ("texts", encoder, others)])


def _model(name: str, frame: pd.DataFrame) -> Any:
    categories = [frame[column].astype("category").cat.categories for column in ("city", "zip")]
    encoders = {
        "one-hot": OneHotEncoder(sparse_output=False),
        "one-hot of given categories": OneHotEncoder(categories=categories, handle_unknown="ignore"),
        "ordinal": OrdinalEncoder(encoded_missing_value=-2),
        "ordinal of given texts": OrdinalEncoder(
            categories=[frame[name].dropna().unique() for name in ("city", "zip")],
            handle_unknown="use_encoded_value",
            unknown_value=-3,
        ),
        "target": TargetEncoder(cv=StratifiedKFold(2)),
        "imputed": make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
    }
    if name == "categories by dtype":
        return HistGradientBoostingClassifier(max_iter=4)
    if name == "pandas output":
        chain = make_pipeline(_columns(frame, encoders["one-hot"]), LogisticRegression())
        return chain.set_output(transform="pandas")
    return make_pipeline(_columns(frame, encoders[name]), LogisticRegression())


def _fitted(name: str, storage: str) -> tuple[Any, pd.DataFrame]:
    with pd.option_context("mode.string_storage", storage):
        frame = _frame()
        assert frame["city"].dtype.storage == storage  # type: ignore[union-attr]
        if name == "categories by dtype":
            frame = frame.astype({"city": "category", "zip": "category"})
        return _model(name, frame).fit(frame, LABELS), frame


@pytest.mark.parametrize(
    "name",
    [
        *("one-hot", "one-hot of given categories", "ordinal", "ordinal of given texts", "target", "imputed"),
        *("categories by dtype", "pandas output"),
    ],
)
def test_a_model_answers_as_it_did_where_it_was_fitted(name: str) -> None:
    answers = []
    for storage in ("pyarrow", "python"):
        model, frame = _fitted(name, storage)
        file = io.BytesIO()
        joblib.dump(model, file, compress=3)
        own = model.predict_proba(frame).tolist()
        for content in (file.getvalue(), *(pickle.dumps(model, protocol) for protocol in (2, 5))):
            loaded: Any = load_model(content)
            assert loaded.predict_proba(frame).tolist() == own
            with pd.option_context("mode.string_storage", "python"):
                assert loaded.predict_proba(_like(frame)).tolist() == own
            assert b"ArrowStringArray" not in pickle.dumps(loaded)
        answers.append(own)
    assert answers[0] == answers[1]


def _like(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as a server makes it, with the types of `frame`."""
    categories = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return _frame().astype(dict.fromkeys(categories, "category"))

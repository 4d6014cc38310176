"""The models that every dialect is asked for: `churn`, of four kinds of columns, and `wine`, of 13 numbers."""

import io
from functools import cache

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from changeover.estimator.infer_schema import infer_schema
from changeover.json_types import JsonObject
from tests.tiny_models import CREATED_AT

R1: JsonObject = {"age": 40, "income": 52000.5, "plan": "gold", "member": True}  # "yes"
R2: JsonObject = {"age": 25, "income": 30000.0, "plan": "basic", "member": False}  # "no"
Artifact = tuple[bytes, JsonObject]


@cache
def churn() -> Artifact:
    """A classifier of an integer, a number that may be missing, a string of two values, and a boolean."""
    rows = [R1, R2, {**R1, "age": 44, "income": None}, {**R2, "age": 29, "income": 31000.0}] * 5
    frame = pd.DataFrame(rows).astype({"income": float})
    steps = [
        ("plan", OneHotEncoder(), ["plan"]),
        ("income", make_pipeline(SimpleImputer(), StandardScaler()), ["income"]),
    ]
    model = make_pipeline(ColumnTransformer(steps, remainder="passthrough"), LogisticRegression(max_iter=1000))
    return _artifact(model.fit(frame, ["yes", "no"] * 10), frame)


@cache
def wine() -> Artifact:
    """A classifier of 13 numbers."""
    frame, classes = load_wine(return_X_y=True, as_frame=True)
    return _artifact(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, classes), frame)


def _artifact(model: object, frame: pd.DataFrame) -> Artifact:
    """The bytes of a model, and its manifest without model, version and size."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    manifest: JsonObject = {
        "created_at": CREATED_AT,
        "schema": infer_schema(model, frame).to_json(),
        "estimator": {"type": "Pipeline", "kind": "classifier", "predict_proba": True},
        "classes": model.classes_.tolist(),  # type: ignore[attr-defined]
    }
    return buffer.getvalue(), manifest

"""Small real models with distinct answers: the nth model predicts n for every row."""

import io
from functools import cache

import joblib
import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from changeover.estimator import golden_rows
from changeover.estimator.infer_schema import infer_schema
from changeover.json_types import JsonObject

CREATED_AT = "2026-01-31T12:00:00.000000Z"
LABELS = list(range(20))
ROW: JsonObject = {"a": 1.5, "b": 2.0}


def estimator(number: int) -> DummyClassifier:
    """A fitted classifier of two columns that always answers `number`."""
    frame = pd.DataFrame({"a": np.linspace(0.0, 2.0, len(LABELS)), "b": np.linspace(1.0, 3.0, len(LABELS))})
    return DummyClassifier(strategy="constant", constant=number).fit(frame, LABELS)


@cache
def tiny(number: int) -> tuple[bytes, JsonObject]:
    """The nth model: its artifact and its manifest, without model, version and size."""
    model = estimator(number)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    example = pd.DataFrame({"a": [0.5, 1.5], "b": [1.0, 2.5]})
    schema = infer_schema(model, example)
    manifest: JsonObject = {
        "created_at": CREATED_AT,
        "schema": schema.to_json(),
        "estimator": {"type": "DummyClassifier", "kind": "classifier", "predict_proba": True},
        "classes": list(LABELS),
        "metrics": {"f1": 0.1},
        "environment": {"scikit-learn": "1.9"},
        "golden": golden_rows.record(model, schema, [ROW]),
        "warnings": [],
        "format": 1,
    }
    return buffer.getvalue(), manifest

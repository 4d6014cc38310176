"""Small fitted models as joblib bytes, each a different version."""

import io
from functools import cache

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression


@cache
def a_model(seed: int, columns: int = 3) -> bytes:
    """A logistic regression over `columns` numbers; another seed gives another version."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(60, columns))
    labels = (inputs[:, 0] + 0.2 * generator.normal(size=60) > 0).astype(int)
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression(C=1.0 + seed).fit(inputs, labels), buffer)
    return buffer.getvalue()

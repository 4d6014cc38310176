"""Small fitted models as joblib bytes, each a different version."""

import io
from functools import cache

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

from tests.processes.model_server import ModelServer


@cache
def a_model(seed: int, columns: int = 3) -> bytes:
    """A logistic regression over `columns` numbers; another seed gives another version."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(60, columns))
    labels = (inputs[:, 0] + 0.2 * generator.normal(size=60) > 0).astype(int)
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression(C=1.0 + seed).fit(inputs, labels), buffer)
    return buffer.getvalue()


def two_versions(server: ModelServer) -> list[str]:
    """Publish two versions, and roll to the first."""
    made = [str(server.publish(a_model(seed)).json()["version"]) for seed in (1, 2)]
    assert server.roll(made[0]).json()["state"] == "committed"
    return made

"""A model as a BentoML service with WORKERS workers; BATCH > 1 switches its adaptive batching on."""

import os
from typing import Any

import bentoml
import joblib
import numpy as np
import pandas as pd

BATCH = int(os.environ.get("BATCH", "1"))
BATCHING = {"batchable": True, "max_batch_size": BATCH} if BATCH > 1 else {}


@bentoml.service(workers=int(os.environ.get("WORKERS", "2")))
class Predictor:
    """Rows in, probabilities out."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api(route="/predict", **BATCHING)
    def predict(self, rows: list[dict[str, Any]]) -> np.ndarray:  # its batching needs lists or arrays, not frames
        """A row of probabilities for each row."""
        return np.asarray(self.model.predict_proba(pd.DataFrame(rows)))

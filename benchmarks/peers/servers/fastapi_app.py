"""A model behind FastAPI as in its documentation: loaded once; a plain `def` runs in the thread pool."""

import os

import joblib
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = joblib.load(os.environ["MODEL_FILE"])


@app.post("/predict")
def predict(row: dict[str, float | str | None]) -> dict[str, list[float]]:
    return {"predict_proba": model.predict_proba(pd.DataFrame([row]))[0].tolist()}

"""The simplest prediction API: it requests the hash for each request, and builds a DataFrame."""

import io
import os

import joblib
import pandas as pd
import requests
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
server = os.environ["MODEL_SERVER_URL"]
held: dict[str, object] = {"hash": None, "model": None}
CATEGORIES = {"x5": "lower", "x31": "lower", "x81": "capitalize", "x82": "capitalize"}


def clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts of the segmentation body become numbers and known categories."""
    frame["x12"] = frame["x12"].str.replace(r"[$,) ]", "", regex=True).str.replace("(", "-", regex=False)
    frame["x63"] = frame["x63"].str.replace("%", "")
    for column, spelling in CATEGORIES.items():
        frame[column] = getattr(frame[column].str, spelling)()
    numbers = [column for column in frame.columns if column not in CATEGORIES]
    return frame.astype(dict.fromkeys(numbers, float))


@app.post("/predict")
def predict() -> Response:
    current = requests.get(f"{server}/hash", timeout=10).json()["hash"]
    if current != held["hash"]:
        held["model"] = joblib.load(io.BytesIO(requests.get(f"{server}/model", timeout=60).content))
        held["hash"] = current
    frame = pd.DataFrame([request.get_json()])
    if "x63" in frame.columns:
        frame = clean(frame)
    probabilities = held["model"].predict_proba(frame)  # type: ignore[attr-defined]
    return jsonify({"predict_proba": probabilities[0].tolist()})

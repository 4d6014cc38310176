"""Versions of one model for the console: the same columns and golden rows, other answers and metrics."""

import io
import json

import joblib
import numpy as np
import pandas as pd
import requests
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from changeover.estimator import golden_rows
from changeover.estimator.infer_schema import infer_schema
from changeover.stack import Stack

MODEL = "loan"
SPREAD = {"income": (52.0, 14.0), "age": (41.0, 11.0), "debt_ratio": (0.4, 0.15), "open_lines": (6.0, 2.5)}


def applicants(seed: int, count: int) -> pd.DataFrame:
    """Rows with plausible values."""
    random = np.random.default_rng(seed)
    return pd.DataFrame({name: np.round(random.normal(*spread, count), 2) for name, spread in SPREAD.items()})


def artifact(week: int) -> tuple[bytes, str]:
    """The model of a week as joblib, and its manifest as JSON."""
    frame, random = applicants(week, 400), np.random.default_rng(week)
    score = (
        frame["income"]
        - 60 * frame["debt_ratio"]
        + 0.05 * (week - 30) * (frame["age"] - 41)
        + random.normal(0, 8, len(frame))
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, np.where(score > 28, "approve", "refuse"))
    schema = infer_schema(model, frame)
    manifest = {
        "schema": schema.to_json(),
        "golden": golden_rows.record(model, schema, json.loads(applicants(0, 24).to_json(orient="records"))),
        "metrics": {
            "auc": round(0.88 + 0.004 * (week - 30) - 0.01 * random.random(), 4),
            "f1": round(0.71 + 0.003 * week, 4),
        },
        "description": f"Logistic regression on the loan book, week {week}",
    }
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue(), json.dumps(manifest)


def publish(stack: Stack, week: int) -> str:
    """Publish the model of a week; returns its version."""
    body, manifest = artifact(week)
    answer = requests.post(
        f"{stack.server_url}/models/{MODEL}/versions?name=loan-week-{week}.joblib",
        files={"artifact": ("loan.joblib", body), "manifest": (None, manifest)},
        headers={"Authorization": f"Bearer {stack.token}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["version"])


def roll(stack: Stack, version: str, reason: str, name: str = "") -> None:
    """Roll, in the name of a person that the token speaks for."""
    answer = requests.post(
        f"{stack.server_url}/models/{MODEL}/rollouts?wait=60",
        json={"version": version, "reason": reason, "on_behalf_of": name},
        headers={"Authorization": f"Bearer {stack.token}"},
        timeout=90,
    )
    assert answer.json()["state"] == "committed", answer.text

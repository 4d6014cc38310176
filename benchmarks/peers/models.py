"""Training of the models under comparison, and the expected answers of each pipeline.

Each model gets a folder: `model.joblib`, `probe.json` with a few rows and their probabilities, and for Changeover
`draft.json`. The script runs in Changeover's environment, and again in that of a peer with another scikit-learn.

    python -m benchmarks.peers.models --out FOLDER --model wine
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import load_wine, make_classification
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from changeover.client.draft import draft_of
from changeover.demo.generate import CATEGORIES
from changeover.demo.train import build, draft
from changeover.estimator.training_frame import read_frame, rows_of
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft

SEED: Final = 1
MODELS: Final = ("segmentation", "wine", "forest")
TREES: Final = 200
PROBES: Final = 5


@dataclass(frozen=True)
class Trained:
    """A fitted estimator and sample rows, raw and typed; `said` is the draft of Changeover's manifest."""

    estimator: object
    raw: list[JsonObject]
    typed: pd.DataFrame
    said: Draft


def segmentation() -> Trained:
    """The example of 100 columns. Rows with a missing category are left out: not every peer's protocol has a null string."""
    trained = build(SEED)
    raw = pd.DataFrame(trained.golden_rows)
    typed = read_frame(raw, trained.schema)
    whole = typed[list(CATEGORIES)].notna().all(axis=1)
    typed, raw = typed[whole].head(PROBES), raw[whole].head(PROBES)
    return Trained(trained.estimator, rows_of(raw), typed, draft(trained))


def wine() -> Trained:
    """scikit-learn's wine data: 13 numbers, scaled and boosted."""
    frame, target = load_wine(return_X_y=True, as_frame=True)
    estimator = make_pipeline(StandardScaler(), AdaBoostClassifier(random_state=SEED)).fit(frame, target)
    return _of_numbers(estimator, frame)


def forest() -> Trained:
    """A random forest of 200 trees over 20 numbers."""
    values, target = make_classification(n_samples=4000, n_features=20, n_informative=10, random_state=SEED)
    frame = pd.DataFrame(values, columns=[f"x{position}" for position in range(values.shape[1])])
    estimator = RandomForestClassifier(n_estimators=TREES, random_state=SEED).fit(frame, target)
    return _of_numbers(estimator, frame)


def _of_numbers(estimator: object, frame: pd.DataFrame) -> Trained:
    rows = frame.iloc[:: len(frame) // PROBES].head(PROBES).astype(float)
    return Trained(estimator, rows_of(rows), rows, draft_of(estimator, example=frame.astype(float)))


TRAINERS: Final = {"segmentation": segmentation, "wine": wine, "forest": forest}


def write(name: str, folder: Path) -> None:
    """Train one model and write its files."""
    trained = TRAINERS[name]()
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(trained.estimator, folder / "model.joblib")
    trained.typed.to_pickle(folder / "typed.pickle")
    probabilities: list[list[float]] = np.asarray(trained.estimator.predict_proba(trained.typed)).tolist()  # type: ignore[attr-defined]
    probe = {
        "model": name,
        "scikit_learn": sklearn.__version__,
        "raw": trained.raw,
        "typed": rows_of(trained.typed),
        "predict_proba": probabilities,
    }
    (folder / "draft.json").write_text(json.dumps(trained.said.to_json()), encoding="utf-8")
    (folder / "probe.json").write_text(
        json.dumps(probe), encoding="utf-8"
    )  # last: its presence means that the folder is complete


def main() -> None:
    """Train the models that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", choices=MODELS, action="append")
    options = parser.parse_args()
    for name in options.model or MODELS:
        write(name, options.out / name)


if __name__ == "__main__":
    main()

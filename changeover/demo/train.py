"""Trains the segmentation model: impute means, scale, one-hot encode, select 25 columns, logistic regression.

A customer is in the segment if the score is at least the 75th percentile of the training scores; that threshold is
part of the model (`FixedThresholdClassifier`), so that `predict` applies it wherever the model runs.

    python -m changeover.demo.train --out model.joblib --seed 1
"""

import argparse
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import FixedThresholdClassifier, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from changeover.demo.bodies import body_rows
from changeover.demo.generate import CATEGORIES, CURRENCY, NAMES, NUMBERS, PERCENT, TARGET, generate
from changeover.estimator.training_frame import read_frame, rows_of
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft
from changeover.schema.cell_parsers import Case, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema, attach

ROWS: Final = 4000
SELECTED: Final = 25
PERCENTILE: Final = 75.0
GOLDEN_ROWS: Final = 5  # beside the rows of the two bodies
_FORMATS: Final = {CURRENCY: Format.CURRENCY, PERCENT: Format.PERCENT}


class Trained(NamedTuple):
    """A fitted estimator that carries its schema, its metrics on held-out rows, and rows to keep as golden ones."""

    estimator: FixedThresholdClassifier
    schema: Schema
    metrics: dict[str, float]
    golden_rows: list[JsonObject]


def schema_of_segmentation() -> Schema:
    """The 100 columns: x12 in money, x63 in per cent, four categories in any case, and any value may be missing."""
    return Schema(
        tuple(
            Column(name, ColumnType.STRING, nullable=True, categories=CATEGORIES[name], case=Case.FOLD)
            if name in CATEGORIES
            else Column(name, ColumnType.NUMBER, nullable=True, format=_FORMATS.get(name))
            for name in NAMES
        )
    )


def build(seed: int = 0, strength: float = 1.0, rows: int = ROWS) -> Trained:
    """Train on generated data; another `seed` gives another model of the same schema."""
    schema = schema_of_segmentation()
    raw = generate(rows, seed, strength)
    raw_train, raw_test = train_test_split(raw, test_size=0.25, random_state=seed, stratify=raw[TARGET])
    train, test = read_frame(raw_train, schema), read_frame(raw_test, schema)
    pipeline = _pipeline().fit(train, raw_train[TARGET])
    threshold = float(np.percentile(pipeline.predict_proba(train)[:, 1], PERCENTILE))
    estimator = FixedThresholdClassifier(
        FrozenEstimator(pipeline), threshold=threshold, response_method="predict_proba"
    ).fit(train, raw_train[TARGET])
    attach(estimator, schema)
    golden = rows_of(raw_test[NAMES].head(GOLDEN_ROWS))
    return Trained(estimator, schema, _metrics(estimator, test, raw_test[TARGET]), [*body_rows(), *golden])


def _pipeline() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="mean"), StandardScaler())
    # a missing value is none of the given categories: all zero, as is an unseen value
    categories = OneHotEncoder(
        categories=[np.array(values, dtype=object) for values in CATEGORIES.values()],
        handle_unknown="ignore",
        sparse_output=False,
    )
    return Pipeline(
        [
            (
                "columns",
                ColumnTransformer([("numbers", numbers, NUMBERS), ("categories", categories, list(CATEGORIES))]),
            ),
            ("select", SelectKBest(f_classif, k=SELECTED)),
            ("classify", LogisticRegression(max_iter=1000)),
        ]
    )


def _metrics(estimator: FixedThresholdClassifier, test: pd.DataFrame, target: "pd.Series[int]") -> dict[str, float]:
    return {
        "roc_auc": round(float(roc_auc_score(target, estimator.predict_proba(test)[:, 1])), 4),
        "f1": round(float(f1_score(target, estimator.predict(test))), 4),
    }


def draft(trained: Trained) -> Draft:
    """What to say of the model when it is published; admission computes the golden rows' outputs."""
    distributions = ("scikit-learn", "numpy", "pandas", "joblib", "scipy")
    return Draft(
        schema=trained.schema.to_json(),
        metrics=trained.metrics,
        environment={"python": platform.python_version()} | {name: metadata.version(name) for name in distributions},
        golden={"rows": list[Json](trained.golden_rows)},
        description="segmentation of customers; threshold at the 75th percentile of the training scores",
    )


def main() -> None:
    """Train by the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("model.joblib"), help="the file to write (model.joblib)")
    parser.add_argument("--manifest", type=Path, help="also write what to say of the model when it is published (JSON)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"how many customers to learn from ({ROWS})")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another model (0)")
    parser.add_argument(
        "--strength", type=float, default=1.0, help="how strong the signal is; 0.3 is a poor model (1.0)"
    )
    options = parser.parse_args()
    trained = build(options.seed, options.strength, options.rows)
    joblib.dump(trained.estimator, options.out)
    if options.manifest:
        options.manifest.write_text(json.dumps(draft(trained).to_json(), indent=2) + "\n", encoding="utf-8")
    scores = ", ".join(f"{name} {value:.3f}" for name, value in trained.metrics.items())
    print(f"wrote {options.out} (held-out {scores})")


if __name__ == "__main__":
    main()

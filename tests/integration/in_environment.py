"""A program for the interpreter of an environment: it trains models, reads them by the rules, and compares the answers.

It is started by path with `-I`, as this repository is not installed there. Arguments: the folder of `bootstrap.py`, the
list of allowed globals, and the roots. Prints JSON: for each model `null`, or what went wrong.
"""

import importlib
import io
import json
import sys
import traceback
import warnings
from pathlib import Path

# Arrow bodies are read by predict_api alone, which has the extra for them
NOT_OF_RUNNERS = tuple(map("changeover.request.arrow_{}".format, ("arrays", "columns", "messages")))


def modules() -> dict[str, object]:
    """Every module that a runner may import: None, or the error of its import."""
    import changeover

    folder = Path(changeover.__file__).parent
    outcomes: dict[str, object] = {}
    for room in ("artifact", "estimator", "schema", "manifest", "request", "onnx_twin", "environments"):
        for file in sorted((folder / room).rglob("*.py")):
            name = ".".join(file.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
            if name in NOT_OF_RUNNERS:
                continue
            try:
                importlib.import_module(name)
                outcomes[name] = None
            except ImportError as error:
                outcomes[name] = str(error)
    return outcomes


def frame() -> tuple["object", "object"]:
    """A training frame with numbers, missing ones, texts, and its target."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "a": random.normal(size=80),
            "b": random.normal(size=80),
            "count": random.integers(0, 5, 80),
            "kind": random.choice(["x", "y", "z"], 80),
        }
    )
    table.loc[3, "a"] = np.nan
    return table, np.where(table.b > 0, "yes", "no")


def models(roots: list[str]) -> dict[str, object]:
    """Pipelines of this scikit-learn, not fitted."""
    from sklearn import ensemble, linear_model, neighbors, neural_network, svm
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    lasts = [
        linear_model.LogisticRegression(),
        linear_model.SGDClassifier(loss="log_loss", random_state=0),
        ensemble.RandomForestClassifier(20, random_state=0),
        ensemble.GradientBoostingClassifier(random_state=0),
        ensemble.HistGradientBoostingClassifier(random_state=0),
        ensemble.AdaBoostClassifier(n_estimators=5, random_state=0),
        neighbors.KNeighborsClassifier(algorithm="kd_tree"),
        neural_network.MLPClassifier(max_iter=20, random_state=0),
        svm.SVC(),
    ]
    numbers = [SimpleImputer(), StandardScaler()]
    if "ourfeatures" in roots:
        numbers.append(importlib.import_module("ourfeatures").Clip())
    made = {}
    for last in lasts:
        columns = [
            ("numbers", make_pipeline(*numbers), ["a", "b", "count"]),
            ("kinds", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ]
        made[type(last).__name__] = make_pipeline(ColumnTransformer(columns, sparse_threshold=0), last)
    return made


def check(model: object, rules: object) -> None:
    """Train, dump, read by the rules, score as a service does, and make the ONNX twin of the linear model."""
    import joblib
    import numpy as np

    from changeover.artifact.load import load
    from changeover.estimator.infer_schema import infer_schema
    from changeover.estimator.scoring import score
    from changeover.estimator.training_frame import frame_of, inputs_of, rows_of
    from changeover.onnx_twin.equivalence.compare import prove
    from changeover.onnx_twin.export.convert import convert
    from changeover.request.decode import decode

    table, target = frame()
    model.fit(table, target)  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    artifact = load(buffer.getvalue(), rules)  # type: ignore[arg-type]
    assert artifact.warnings == []
    assert artifact.versions["scikit-learn"] == importlib.import_module("sklearn").__version__
    schema = infer_schema(artifact.estimator, frame_of(table))
    rows = rows_of(inputs_of(frame_of(table), schema))
    decoded = decode(rows, schema, 1000)
    scores = score(artifact.estimator, schema, decoded.columns, len(rows))
    assert scores.labels == model.predict(table).tolist()  # type: ignore[attr-defined]
    if hasattr(model, "predict_proba"):
        assert np.abs(np.asarray(scores.probabilities) - model.predict_proba(table)).max() <= 1e-9
    if type(model.steps[-1][1]).__name__ == "LogisticRegression" and "Clip" not in repr(model):  # type: ignore[attr-defined]
        prove(artifact.estimator, schema, convert(artifact.estimator, schema), rows[:5])


def main(folder: str, allowed: str, *roots: str) -> None:
    """Print the outcome for each module and each model."""
    sys.path.insert(0, folder)
    importlib.import_module("bootstrap").add_packages()
    sys.path.pop(0)
    warnings.simplefilter("ignore")
    from changeover.artifact.load_rules import LoadRules

    rules = LoadRules(roots=roots, allowed_globals_file=Path(allowed))
    outcomes = modules()
    for name, model in models(list(roots)).items():
        try:
            check(model, rules)
            outcomes[name] = None
        except Exception:  # noqa: BLE001  the test shows whatever it is
            outcomes[name] = traceback.format_exc(limit=-3)
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])

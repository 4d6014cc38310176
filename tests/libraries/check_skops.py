"""skops files, read by the list of allowed globals. Run by an environment that has skops."""

import io
import json
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from changeover.artifact.load import load
from changeover.artifact.load_rules import LoadRules
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact
from tests.libraries import own_models
from tests.libraries.served import refusal, run, same_answers

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": RANDOM.normal(size=100), "b": RANDOM.normal(size=100), "city": RANDOM.choice(["x", "y"], 100)}
)
LABELS = np.where(FRAME["a"] > 0, "yes", "no")


def check_pipelines() -> None:
    columns = ColumnTransformer(
        [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]), ("city", OneHotEncoder(), ["city"])]
    )
    for last in (LogisticRegression(), RandomForestClassifier(5), HistGradientBoostingClassifier(max_iter=5)):
        model = make_pipeline(columns, last).fit(FRAME, LABELS)
        loaded = load(skops.io.dumps(model))
        same_answers(loaded.estimator, FRAME, model.predict(FRAME), model.predict_proba(FRAME))
        assert list(loaded.versions) == ["scikit-learn"]
        assert loaded.warnings == []


def check_a_class_that_is_not_listed_is_refused_and_one_of_a_trusted_package_is_read() -> None:
    written = skops.io.dumps(own_models.Majority().fit(FRAME, LABELS))
    assert "own_models.Majority" in refusal(ForbiddenGlobal, load, written)
    for rules in (LoadRules(roots=("tests",)), LoadRules(allow_code=True), ["tests.libraries.own_models.Majority"]):
        assert type(load(written, rules).estimator) is own_models.Majority


def check_a_function_that_runs_programs_is_refused() -> None:
    import os

    model = FunctionTransformer(os.system)
    assert "system" in refusal(ForbiddenGlobal, load, skops.io.dumps(model))
    model = FunctionTransformer(partial(os.system, "true"))
    assert refusal(ForbiddenGlobal, load, skops.io.dumps(model))


def check_what_unpacks_to_too_much_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps({"__class__": "Pipeline", "__module__": "sklearn.pipeline"}))
        archive.writestr("a.npy", bytes(10_000_000))
    assert "over the cap" in refusal(UnreadableArtifact, load, stream.getvalue(), (), 1_000_000)


def check_another_version_is_told() -> None:
    model = LogisticRegression().fit(FRAME[["a", "b"]], LABELS)
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                import sklearn

                content = content.replace(sklearn.__version__.encode(), b"1.0.2")
            archive.writestr(name, content)
    loaded = load(stream.getvalue())
    assert loaded.versions == {"scikit-learn": "1.0.2"}
    assert "LogisticRegression" in loaded.warnings[0]


if __name__ == "__main__":
    run(globals())

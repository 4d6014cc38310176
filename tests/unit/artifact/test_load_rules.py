"""The rules of a load: trusted packages, another list of allowed globals, and artifacts with code."""

import io
import json
import pickle
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from changeover.artifact.load import load
from changeover.artifact.load_rules import LoadRules
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

OUR_PACKAGE = """
import os
from subprocess import Popen
from sklearn.base import BaseEstimator, TransformerMixin

def double(values):
    return values * 2

class Doubling(TransformerMixin, BaseEstimator):
    class Options:
        pass

    def __init__(self, function=double):
        self.function = function

    def fit(self, values, target=None):
        self.options_ = self.Options()
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, values):
        return self.function(values)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "trustedfeatures").mkdir()
    (tmp_path / "trustedfeatures" / "__init__.py").write_text("")
    (tmp_path / "trustedfeatures" / "steps.py").write_text(OUR_PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    import trustedfeatures.steps as steps  # type: ignore[import-not-found]

    return steps


def dumped(model: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target)
    return target.getvalue()


def test_everything_that_a_trusted_package_defines_is_read(package) -> None:
    buffer = dumped(package.Doubling().fit(np.ones((2, 2))))
    with pytest.raises(ForbiddenGlobal, match="trustedfeatures"):
        load(buffer)
    loaded = load(buffer, LoadRules(roots=["trustedfeatures"])).estimator
    assert loaded.transform(np.ones((1, 2))).tolist() == [[2.0, 2.0]]  # type: ignore[attr-defined]
    assert type(loaded.options_) is package.Doubling.Options  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Popen", "os", "os.system", "double.__globals__", "Doubling.transform.__globals__"])
def test_what_a_trusted_package_imports_is_not_trusted(package, name: str) -> None:
    buffer = b"\x80\x04\x8c\x15trustedfeatures.steps\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    with pytest.raises((ForbiddenGlobal, UnreadableArtifact)):
        load(buffer, LoadRules(roots=["trustedfeatures"]))


def test_a_package_is_trusted_by_its_whole_name(package) -> None:
    with pytest.raises(ForbiddenGlobal):
        load(dumped(package.Doubling()), LoadRules(roots=["trusted"]))


def test_another_list_takes_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text(
        json.dumps({"refer": {}, "create": {"sklearn.preprocessing._data": ["StandardScaler"]}, "call": {}})
    )
    rules = LoadRules(allowed_globals_file=file)
    assert isinstance(load(dumped(StandardScaler()), rules).estimator, StandardScaler)
    with pytest.raises(ForbiddenGlobal, match="LogisticRegression"):
        load(dumped(LogisticRegression()), rules)


def test_code_in_an_artifact_is_read_where_it_is_allowed_only() -> None:
    model = FunctionTransformer(lambda values: values + 1)
    buffer = cloudpickle.dumps(model)
    with pytest.raises(ForbiddenGlobal):
        load(buffer)
    artifact = load(buffer, LoadRules(allow_code=True))
    assert artifact.estimator.transform(np.zeros((1, 1))).tolist() == [[1.0]]  # type: ignore[attr-defined]


def test_the_version_of_scikit_learn_is_noted_in_an_artifact_with_code() -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    state = pickle.dumps(model).replace(b"_sklearn_version\x94\x8c\x051.", b"_sklearn_version\x94\x8c\x050.")
    artifact = load(state, LoadRules(allow_code=True))
    assert artifact.versions["scikit-learn"].startswith("0.")
    assert "made with scikit-learn 0." in artifact.warnings[0]


def test_names_alone_are_rules_too() -> None:
    buffer = dumped(FunctionTransformer(np.fft.fft))
    assert load(buffer, ["numpy.fft.fft"]).estimator.func is np.fft.fft  # type: ignore[attr-defined]

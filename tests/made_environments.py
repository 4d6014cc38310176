"""Environments of older versions of scikit-learn, and of other libraries, made by `changeover environment add`.

They are made once a run and shared.

They need a package index: without one the tests that use them are skipped.
"""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from changeover.environments.environment import Environment, read_environments
from tests.tree import ROOT

WHEEL = "ourfeatures-1.0-py3-none-any.whl"
VERSIONS = {
    # there is no build of it for Python 3.13
    **(
        {"sklearn-1.4": ["scikit-learn==1.4.2", "pandas==2.2.3", "numpy==1.26.4"]} if sys.version_info < (3, 13) else {}
    ),
    "sklearn-1.6": ["scikit-learn==1.6.1", "pandas<2.3", f"./{WHEEL}"],
}
LIBRARIES = {
    "boosting": ["scikit-learn==1.9.*", "xgboost-cpu", "lightgbm", "catboost"],
    "statistics": [
        *("scikit-learn==1.9.*", "statsmodels", "imbalanced-learn", "category_encoders", "feature-engine"),
        *("skops", "cloudpickle", "formulaic"),
    ],
}
REQUIREMENTS = VERSIONS | LIBRARIES
OUR_FEATURES = '''
"""Features of a team, as a wheel of its own."""
from sklearn.base import BaseEstimator, TransformerMixin


class Clip(TransformerMixin, BaseEstimator):
    """Clips all columns."""

    def __init__(self, most=1.0):
        self.most = most

    def fit(self, values, target=None):
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, values):
        return values.clip(-self.most, self.most)
'''


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run share."""
    base = factory.getbasetemp()
    return base.parent if base.name.startswith("popen-gw") else base


def made_environments(factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Environment]]:
    """The folder of environments and what is in it; the first worker makes them, the others wait."""
    folder = shared_folder(factory) / "environments"
    with FileLock(folder.with_suffix(".lock")):
        outcome = folder / "outcome.json"
        if not outcome.exists():
            folder.mkdir()
            outcome.write_text(json.dumps(_make(folder, REQUIREMENTS)), encoding="utf-8")
        errors, seconds = json.loads(outcome.read_text(encoding="utf-8"))
    if any("package index" in error for error in errors):
        pytest.skip(f"the environments cannot be made here: {errors[0]}")
    assert errors == []
    sys.stdout.write(f"the environments were made in {seconds:.1f} s\n")
    return folder, read_environments(folder)


def _make(folder: Path, requirements: Mapping[str, list[str]]) -> tuple[list[str], float]:
    """Make all environments in parallel; returns the errors, and the seconds that it took."""
    begin = time.monotonic()
    write_wheel(folder / WHEEL)
    command = [sys.executable, "-m", "changeover", "environment", "add"]
    processes = []
    for name, listed_here in requirements.items():
        listed = folder / f"{name}.txt"
        listed.write_text("\n".join(listed_here), encoding="utf-8")
        words = [*command, name, "-r", str(listed), "--directory", str(folder)]
        processes.append(
            subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        )
    ends = [(process, process.communicate()[1]) for process in processes]
    return [error for process, error in ends if process.returncode], time.monotonic() - begin


def write_wheel(path: Path) -> None:
    """Write the wheel of the package `ourfeatures`."""
    name, version = path.name.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": OUR_FEATURES,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(file, content)

"""Environments of scikit-learn 1.4 and 1.6, made by `changeover environment add`, and the current one beside them."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from changeover.artifact.allowed_globals import FILE
from changeover.cli.main import main
from changeover.environments.choice import choose
from changeover.environments.environment import Environment
from changeover.environments.exceptions import CannotMake
from changeover.environments.making import make_environment
from tests.made_environments import REQUIREMENTS, VERSIONS, made_environments
from tests.tree import ROOT

PROGRAM = ROOT / "tests" / "integration" / "in_environment.py"


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Environment]:
    return made_environments(tmp_path_factory)[1]


def test_each_has_the_versions_of_its_time(environments: Mapping[str, Environment]) -> None:
    assert set(environments) == {"default", *REQUIREMENTS}
    newer = environments["sklearn-1.6"]
    assert newer.versions["scikit-learn"] == "1.6.1"
    assert newer.versions["pandas"].startswith("2.2.")
    if "sklearn-1.4" in environments:
        versions = environments["sklearn-1.4"].versions
        assert (versions["scikit-learn"], versions["numpy"]) == ("1.4.2", "1.26.4")
    for each in (environments[name] for name in REQUIREMENTS):
        assert {"joblib", "msgspec", "onnx", "onnxruntime", "skl2onnx"} <= set(each.versions)
        assert "structlog" not in each.versions


def test_the_packages_that_were_named_are_trusted(environments: Mapping[str, Environment]) -> None:
    assert environments["default"].roots == ()
    assert environments["sklearn-1.6"].roots == ("ourfeatures",)


def test_an_artifact_gets_the_environment_that_it_was_made_in(environments: Mapping[str, Environment]) -> None:
    assert choose({"scikit-learn": "1.9.0"}, ["sklearn"], environments).name == "default"
    assert choose({"scikit-learn": "1.6.0"}, ["sklearn", "ourfeatures"], environments).name == "sklearn-1.6"


@pytest.mark.parametrize("name", ["default", *VERSIONS])
def test_models_of_an_environment_are_read_and_scored_in_it(name: str, environments: Mapping[str, Environment]) -> None:
    """Fault 78: where there is its environment."""
    one = environments[name]
    command = [one.python, "-I", PROGRAM, ROOT / "model_runner", one.allowed_globals or FILE, *one.roots]
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    outcomes = json.loads(ended.stdout)
    assert "RandomForestClassifier" in outcomes
    assert {part: outcome for part, outcome in outcomes.items() if outcome is not None} == {}


def test_the_list_shows_them(environments: Mapping[str, Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANGEOVER_SERVER_URL", raising=False)
    folder = str(Path(environments["sklearn-1.6"].python).parents[3])
    result = CliRunner().invoke(main, ["environment", "list", "--directory", folder, "--json"])
    assert [each["name"] for each in json.loads(result.stdout)["environments"]] == list(environments)


def test_an_environment_whose_package_cannot_be_installed_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(CannotMake, match=r"pip cannot install scikit-learn==1\.4\.2: Could not find a version"):
        make_environment(tmp_path, "a", ["scikit-learn==1.4.2"], say=lambda _text: None)
    assert list(tmp_path.iterdir()) == []


def test_an_index_out_of_reach_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(CannotMake, match="pip cannot reach the package index for scikit-learn"):
        make_environment(tmp_path, "a", ["scikit-learn==1.4.2"], say=lambda _text: None)
    assert list(tmp_path.iterdir()) == []

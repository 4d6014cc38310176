"""The reading of environments, and the requirements of one."""

import json
import sys
from pathlib import Path

import pytest

from changeover.environments.environment import DEFAULT, Stored, check_name, read_environments, write_environment
from changeover.environments.exceptions import CannotMake, InvalidEnvironment
from changeover.environments.requirements import complete, name_of, read_file


def stored(name: str) -> Stored:
    return Stored(
        name=name,
        python="venv/bin/python",
        versions={"scikit-learn": "1.4.2"},
        roots=["lightgbm"],
        allowed_globals="allowed_globals.json",
    )


def test_the_default_environment_is_the_running_interpreter() -> None:
    (default,) = read_environments(None).values()
    assert (default.name, default.python, default.roots) == (DEFAULT, sys.executable, ())
    assert default.allowed_globals is None
    assert not default.allow_code
    assert default.versions["scikit-learn"]


def test_a_folder_is_an_environment_as_soon_as_it_is_complete(tmp_path: Path) -> None:
    for name in ("b", "a", "half-made"):
        (tmp_path / name / "venv").mkdir(parents=True)
    write_environment(tmp_path / "b", stored("b"))
    write_environment(tmp_path / "a", stored("a"))
    environments = read_environments(tmp_path)
    assert list(environments) == [DEFAULT, "a", "b"]
    assert environments["a"].python == str(tmp_path / "a" / "venv" / "bin" / "python")
    assert environments["a"].allowed_globals == tmp_path / "a" / "allowed_globals.json"
    assert environments["a"].roots == ("lightgbm",)


def test_paths_are_absolute_and_follow_a_folder_that_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old" / "a").mkdir(parents=True)
    write_environment(tmp_path / "old" / "a", stored("a"))
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.chdir(tmp_path)
    assert read_environments(Path("new"))["a"].python == str(tmp_path / "new" / "a" / "venv" / "bin" / "python")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"name": "a", "python": 1})])
def test_a_damaged_environment_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "environment.json").write_text(content)
    with pytest.raises(InvalidEnvironment, match=r"a/environment\.json"):
        read_environments(tmp_path)


@pytest.mark.parametrize("name", ["", "A", "../a", "a/b", "-a", ".a", "a b", "x" * 64, DEFAULT])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidEnvironment):
        check_name(name)


def added(*asked: str) -> dict[str, str]:
    return {name_of(requirement): requirement for requirement in complete(asked).added}


def test_libraries_are_of_the_time_of_scikit_learn() -> None:
    assert added("scikit-learn==1.4.2")["numpy"] == "numpy<2"
    assert added("scikit_learn ~= 1.6.0")["pandas"] == "pandas<2.3"
    assert added("scikit-learn==1.9.1")["pandas"] == "pandas<4"


def test_what_the_user_names_is_the_users() -> None:
    assert {"pandas", "scikit-learn"} & set(added("scikit-learn==1.4.2", "pandas==2.1.4")) == set()


def test_without_scikit_learn_it_is_the_one_of_this_product() -> None:
    version = read_environments(None)[DEFAULT].versions["scikit-learn"]
    assert added("./features-1.0-py3-none-any.whl")["scikit-learn"] == f"scikit-learn=={version}"


def test_the_reader_of_artifacts_and_the_makers_of_twins_come_with_every_environment() -> None:
    assert {"joblib", "msgspec", "onnx", "onnxruntime", "skl2onnx"} <= set(added("scikit-learn==1.4.2"))


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [("--index-url=x", "an option of pip"), ("scikit-learn==0.24.2", "scikit-learn before 1.2 is not supported")],
)
def test_a_requirement_that_cannot_be_met_is_refused_before_anything_is_made(requirement: str, reason: str) -> None:
    with pytest.raises(CannotMake, match=reason):
        complete([requirement])
    with pytest.raises(CannotMake, match="no requirement"):
        complete([])


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("Scikit_Learn[x]==1.4", "scikit-learn"),
        ("lightgbm", "lightgbm"),
        ("dist/our_features-1.0-py3-none-any.whl", "our-features"),
        ("name @ file:///x", "name"),
    ],
)
def test_the_distribution_of_a_requirement(requirement: str, name: str) -> None:
    assert name_of(requirement) == name


def test_a_file_of_requirements(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("# of 2024\nscikit-learn==1.4.2  # as the notebook\n\n./features-1.0-py3-none-any.whl\n")
    assert read_file(file) == (("scikit-learn==1.4.2", f"{tmp_path}/features-1.0-py3-none-any.whl"), False)
    file.write_text("ALLOW_CODE = true\nscikit-learn\n")
    assert read_file(file) == (("scikit-learn",), True)

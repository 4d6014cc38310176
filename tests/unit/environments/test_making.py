"""The making of an environment without a package index: what fails, what is left, and the verbs of the command line."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from changeover.cli.main import main
from changeover.environments import making
from changeover.environments.environment import Stored, read_environments, write_environment
from changeover.environments.exceptions import CannotMake, EnvironmentExists
from changeover.environments.making import make_environment
from changeover.environments.usage import models_by_environment


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CHANGEOVER_SERVER_URL", "CHANGEOVER_PREDICT_URL", "ENVIRONMENTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["environment", *words])


def complete(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    versions = {"python": "3.11.9", "scikit-learn": "1.4.2"}
    stored = Stored(name=name, python="venv/bin/python", versions=versions, roots=[], allowed_globals="l.json")
    write_environment(folder / name, stored)


def test_a_name_that_is_taken_is_refused_and_kept(tmp_path: Path) -> None:
    complete(tmp_path, "a")
    with pytest.raises(EnvironmentExists, match="changeover environment remove a"):
        make_environment(tmp_path, "a", ["scikit-learn==1.4.2"], say=lambda _text: None)
    assert "a" in read_environments(tmp_path)


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a" / "venv").mkdir(parents=True)
    (tmp_path / "a" / "venv" / "left").write_text("x")
    with making._new_folder(tmp_path, "a") as folder:
        assert list(folder.iterdir()) == []


def test_two_processes_do_not_make_the_same_environment(tmp_path: Path) -> None:
    with making._new_folder(tmp_path, "a") as folder:
        with pytest.raises(EnvironmentExists, match="being made"), making._new_folder(tmp_path, "a"):
            pass
        assert folder.exists()


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/true"])
def test_an_interpreter_that_is_none_is_named(tmp_path: Path, python: str) -> None:
    with pytest.raises(CannotMake, match=python):
        make_environment(tmp_path, "a", ["scikit-learn==1.4.2"], python=python, say=lambda _text: None)
    assert list(tmp_path.iterdir()) == []


def test_the_list_has_every_environment_and_does_not_know_the_models() -> None:
    complete(Path(".changeover/environments"), "old")
    result = run("list")
    assert result.exit_code == 0, result.output
    header, default, old = (line.split() for line in result.stdout.splitlines())
    assert header == ["NAME", "PYTHON", "SCIKIT-LEARN", "NUMPY", "PANDAS", "PACKAGES", "MODELS"]
    assert (default[0], old) == ("default", ["old", "3.11.9", "1.4.2", "-", "-", "-", "?"])
    body = json.loads(run("list", "--json").stdout)
    assert body["environments"][0]["python"] == sys.executable


def test_the_folder_is_that_of_the_service_in_its_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete(tmp_path / "opt", "old")
    monkeypatch.setenv("ENVIRONMENTS_DIR", str(tmp_path / "opt"))
    assert "old" in run("list").stdout
    assert "old" not in run("list", "--home", str(tmp_path / "other")).stdout


def test_without_a_stack_an_environment_is_removed_by_force_only() -> None:
    complete(Path(".changeover/environments"), "old")
    result = run("remove", "old")
    assert result.exit_code == 1
    assert "not known which models use 'old'" in result.stderr
    assert run("remove", "old", "--force").exit_code == 0
    assert list(read_environments(Path(".changeover/environments"))) == ["default"]
    assert "there is no environment 'old'" in run("remove", "old", "--force").stderr
    assert "'default' is the environment in which" in run("remove", "default").stderr


class Known:
    """A server with three models, one of them never rolled."""

    def models(self):
        return {"models": [{"model": name} for name in ("loan", "wine", "new")]}

    def model(self, model: str):
        current = {"loan": {"version": "b" * 64}, "wine": {"version": "a" * 64}}.get(model)
        return {"current": current, "previous": "a" * 64 if model == "loan" else None, "rollout": None}

    def manifest(self, version: str, model: str):
        return {"runner_environment": "old"} if version.startswith("a") else {}


def test_a_model_uses_the_environments_of_its_current_and_its_previous_version() -> None:
    assert models_by_environment(Known()) == {"default": ["loan"], "old": ["loan", "wine"]}


def test_an_environment_in_use_is_listed_and_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(Path(".changeover/environments"), "old")
    monkeypatch.setattr("changeover.client.client.Client", lambda *_words, **_options: Known())
    assert run("list").stdout.splitlines()[-1].endswith("loan wine")
    result = run("remove", "old")
    assert result.exit_code == 1
    assert "'old' is used by loan, wine" in result.stderr
    assert run("remove", "old", "--force").exit_code == 0
    assert run("list").stdout.splitlines()[-1] == "old is missing, and used by loan wine"

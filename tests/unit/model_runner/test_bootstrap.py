"""The start of our modules in an interpreter that has none of our packages."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.tree import ROOT

BOOTSTRAP = ROOT / "model_runner" / "bootstrap.py"
SHOW = """
import json, sys
import changeover, model_runner
try:
    import structlog
except ImportError as error:
    absent = error.name
print(json.dumps([changeover.__file__, model_runner.__file__, absent, sys.argv[1:], __name__]))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment without any package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def start(python: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(python), "-I", str(BOOTSTRAP), *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False, env={**os.environ})


def test_a_module_of_ours_runs_with_its_arguments(bare: Path) -> None:
    ended = start(bare, "changeover.process.parent_death", "one")
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = start(bare, "model_runner.no_such_module")
    assert "No module named model_runner.no_such_module" in ended.stderr


def test_only_our_two_packages_are_added(bare: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys\nsys.path[:0] = [{str(BOOTSTRAP.parent)!r}]\nimport bootstrap\n"
        f"sys.path.pop(0)\nbootstrap.add_packages()\n{SHOW}"
    )
    ended = subprocess.run([bare, "-I", program, "x"], cwd="/", capture_output=True, text=True, timeout=60, check=True)
    ours, runner, absent, arguments, name = json.loads(ended.stdout)
    assert ours == str(ROOT / "changeover" / "__init__.py")
    assert runner == str(ROOT / "model_runner" / "__init__.py")
    assert (absent, arguments, name) == ("structlog", ["x"], "__main__")


def test_a_module_that_needs_a_package_of_the_environment_says_which(bare: Path) -> None:
    ended = start(bare, "changeover.environments.facts", "list")
    assert ended.returncode == 1
    assert "No module named 'msgspec'" in ended.stderr


def test_a_start_without_a_module_says_how_to_start(bare: Path) -> None:
    ended = start(bare)
    assert ended.returncode == 1
    assert ended.stderr.startswith("usage: ")


def test_the_installed_interpreter_starts_modules_too() -> None:
    ended = start(Path(sys.executable), "changeover.process.parent_death")
    assert ended.returncode == 0

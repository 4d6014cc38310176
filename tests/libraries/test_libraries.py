"""Models of other libraries, checked by the interpreter of an environment that has them.

Each `check_*.py` runs there as a program and reports on
each of its checks, which are the tests here.
"""

import ast
import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from changeover.environments.environment import Environment
from tests.made_environments import made_environments
from tests.tree import ROOT

FILES = {
    "check_boosting": "boosting",
    "check_twins": "boosting",
    "check_statistics": "statistics",
    "check_transformers": "statistics",
    "check_skops": "statistics",
}
HERE = Path(__file__).parent
Run = Callable[[str], dict[str, str | None]]


def checks_of(file: str) -> list[str]:
    """The names of the checks in a file, which cannot be imported here."""
    tree = ast.parse((HERE / f"{file}.py").read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    return made_environments(tmp_path_factory)[1]


@pytest.fixture(scope="session")
def run(environments: dict[str, Environment]) -> Run:
    @cache
    def outcomes(file: str) -> dict[str, str | None]:
        command = [environments[FILES[file]].python, "-m", f"tests.libraries.{file}"]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**variables, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return outcomes


@pytest.mark.parametrize(("file", "check"), [(file, check) for file in FILES for check in checks_of(file)])
def test_a_check_holds(run: Run, file: str, check: str) -> None:
    assert run(file)[check] is None


def test_every_file_of_checks_is_run() -> None:
    assert {path.stem for path in HERE.glob("check_*.py")} == set(FILES)

"""The project as a user installs it: a wheel built from a copy of the sources, in an environment of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tree import PACKAGES, ROOT

COPIED = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "tests", "examples", "benchmarks", *PACKAGES)
DEADLINE = 600  # seconds after which a build or an installation is killed
INDEX_UNREACHABLE = "after connection broken by"  # as pip says it
# Each process of the environment refuses to run code of the checkout, its .venv included.
GUARD = f"""
import sys


def refuse_checkout(event, arguments):
    if event == "exec" and arguments[0].co_filename.startswith({str(ROOT) + "/"!r}):
        raise ImportError(f"{{arguments[0].co_filename}} belongs to the checkout")


sys.addaudithook(refuse_checkout)
"""


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel and what `requirements/embedded.txt` locks."""

    wheel: Path
    prefix: Path
    folder: Path  # the working directory of what is run, outside the checkout

    @property
    def changeover(self) -> str:
        """The command."""
        return str(self.prefix / "bin" / "changeover")

    @property
    def python(self) -> str:
        """The interpreter."""
        return str(self.prefix / "bin" / "python")

    @property
    def site_packages(self) -> Path:
        """The folder of its packages."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.prefix), "platbase": str(self.prefix)}))

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in `folder`."""
        environment = {**clean_environment(), **variables}
        return run(list(command), self.folder, environment)


def clean_environment() -> dict[str, str]:
    """Our own environment without what leads Python or coverage back to the checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COV", "PYTEST", "VIRTUAL_ENV"))
    }


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is captured."""
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def checked(command: list[str], folder: Path) -> str:
    """Run a command that must succeed, and return what it printed. Without a package index, the test is skipped."""
    ended = run(command, folder, clean_environment())
    if ended.returncode != 0 and INDEX_UNREACHABLE in ended.stderr:
        pytest.skip("the package index cannot be reached from here")
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the sources in `folder`, and remove the copy."""
    sources = folder / "sources"
    sources.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources / name)
    checked([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], sources)
    shutil.rmtree(sources)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel with the extra `embedded`, installed by the lock; the folder is removed afterwards."""
    folder = tmp_path_factory.mktemp("wheel")
    result = Installed(build_wheel(folder), folder / "environment", folder / "elsewhere")
    result.folder.mkdir()
    checked([sys.executable, "-m", "venv", "--without-pip", str(result.prefix)], folder)
    pip = [sys.executable, "-m", "pip", "--python", result.python, "install", "--quiet", "--no-deps", "--no-compile"]
    checked([*pip, "--require-hashes", "--requirement", str(ROOT / "requirements" / "embedded.txt")], folder)
    checked([*pip, "--no-index", str(result.wheel)], folder)
    (result.site_packages / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    yield result
    shutil.rmtree(folder)

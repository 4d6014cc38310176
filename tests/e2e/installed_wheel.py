"""The project as a user installs it: a wheel built from a copy of the sources, in an environment of its own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tree import PACKAGES, ROOT

COPIED = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "tests", "examples", "benchmarks", *PACKAGES)
DEADLINE = 600  # seconds after which a build or an installation is killed
INDEX_UNREACHABLE = "after connection broken by"  # the words of pip
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
    """A virtual environment with the wheel and what a lock file names."""

    wheel: Path
    prefix: Path
    folder: Path  # the working directory of the commands, outside the checkout

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

    def distributions(self) -> dict[str, Distribution]:
        """The installed distributions by their canonical names."""
        return {
            canonicalize_name(distribution.name): distribution
            for distribution in distributions(path=[str(self.site_packages)])
        }

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


def install(wheel: Path, lock: Path, prefix: Path) -> Installed:
    """Make an environment without pip, install what a lock file names and then the wheel, check it, and set the guard."""
    result = Installed(wheel, prefix, prefix.with_name(f"beside_{prefix.name}"))
    result.folder.mkdir()
    checked([sys.executable, "-m", "venv", "--without-pip", str(prefix)], result.folder)
    pip = [sys.executable, "-m", "pip", "--python", result.python, "install", "--quiet", "--no-deps", "--no-compile"]
    checked([*pip, "--require-hashes", "--requirement", str(lock)], result.folder)
    checked([*pip, "--no-index", str(wheel)], result.folder)
    checked([*pip[: pip.index("install")], "check"], result.folder)  # before the guard, which refuses this pip, too
    (result.site_packages / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    return result


def base_lock(lock: str, installed: Installed) -> str:
    """The blocks of a lock file that the wheel requires without an extra."""
    present = installed.distributions()
    names: set[str] = set()
    queue = ["changeover"]
    while queue:
        for line in present[queue.pop()].requires or []:
            requirement = Requirement(line)
            name = canonicalize_name(requirement.name)
            if name not in names and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                names.add(name)
                queue.append(name)
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return "".join(block for block in blocks if canonicalize_name(re.split(r"[\[=]", block)[0]) in names)

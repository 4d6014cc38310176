"""The environment of the engines: a folder with their packages from a lock file, beside those that the tests run on.

pyspark comes as a source archive only. It is built by the locked setuptools; pip keeps the wheel in its cache. The folder
is no virtual environment: a confined process may read the libraries of its interpreter only.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

REQUIREMENTS = Path(__file__).parent / "requirements"
LEAST_JAVA = 17
_UNREACHABLE = ("No matching distribution", "ConnectionError", "Connection refused", "ReadTimeout", "ProxyError")


def java() -> int:
    """The version of Java on the path; 0 without one."""
    program = shutil.which("java")
    if program is None:
        return 0
    printed = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', printed.stderr + printed.stdout)
    return int(found[1]) if found else 0


def make(folder: Path) -> Path:
    """The folder of the packages; skips the test if there is no Java or no package index."""
    if (found := java()) < LEAST_JAVA:
        pytest.skip(f"Spark needs Java {LEAST_JAVA}, and there is {f'Java {found}' if found else 'none'} here")
    for lock, source in (("build", ":none:"), ("engines", "pyspark")):
        _install(folder, REQUIREMENTS / f"{lock}.txt", source)
    return folder


def variables(folder: Path) -> dict[str, str]:
    """The environment of a program that finds these packages first, and then those that the tests run on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHON"))}
    return {**kept, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "NO_PROXY": "*"}


def _install(folder: Path, lock: Path, source: str) -> None:
    """Install what the lock has, as wheels; `source` is the one package that is built here."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    options += ["--no-binary", source, "--no-build-isolation", "--no-compile", "--target", str(folder)]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(lock)]
    done = subprocess.run(command, env=variables(folder), capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in _UNREACHABLE):
        pytest.skip(f"Spark cannot be installed here: {done.stderr}")
    assert done.returncode == 0, f"the environment could not be made from {lock.name}: {done.stderr}"

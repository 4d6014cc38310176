"""The environment of the engines: their packages from a lock file, above those that the tests run on.

pyspark comes as a source archive only. It is built by the locked setuptools; pip keeps the wheel in its cache.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
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
    """The interpreter of the environment; skips the test if there is no Java or no package index."""
    if (found := java()) < LEAST_JAVA:
        pytest.skip(f"Spark needs Java {LEAST_JAVA}, and there is {f'Java {found}' if found else 'none'} here")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    places = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    above = f"{sysconfig.get_path('purelib')}\n{ROOT}\n"
    (Path(places.stdout.strip()) / "below.pth").write_text(above, encoding="utf-8")
    for lock, source in (("build", ":none:"), ("engines", "pyspark")):
        _install(python, REQUIREMENTS / f"{lock}.txt", source)
    return python


def _install(python: Path, lock: Path, source: str) -> None:
    """Install what the lock has, as wheels; `source` is the one package that is built here."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    options += ["--no-binary", source, "--no-build-isolation", "--ignore-installed"]
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in _UNREACHABLE):
        pytest.skip(f"Spark cannot be installed here: {done.stderr}")
    assert done.returncode == 0, f"the environment could not be made from {lock.name}: {done.stderr}"

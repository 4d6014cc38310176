"""`requirements/install` in a temporary tree with small wheels: it installs the lock, whatever the index has."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tree import ROOT

BACKEND = """
import zipfile
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "changeover-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        info = "changeover-0.1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: changeover\\nVersion: 0.1.0\\nRequires-Dist: asks\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: here\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def make_wheel(folder: Path, name: str, version: str, *lines: str) -> str:
    """Write a wheel of one empty module; `lines` are more lines of its METADATA. Returns its SHA-256 in hex."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: here\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in files.items():
            wheel.writestr(inside, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project whose lock was written before `needed` 2.0 and `extra` 2.0 appeared in the index."""
    index = tmp_path / "index"
    index.mkdir()
    asks = make_wheel(index, "asks", "1.0", "Requires-Dist: needed[more]>=1.0")
    more = ("Provides-Extra: more", "Requires-Dist: extra; extra == 'more'")
    needed = make_wheel(index, "needed", "1.0", *more)
    extra = make_wheel(index, "extra", "1.0")
    make_wheel(index, "needed", "2.0", *more)
    make_wheel(index, "extra", "2.0")
    project = tmp_path / "project"
    (project / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "requirements" / "install", project / "requirements")
    pins = {"asks==1.0": asks, "extra==1.0": extra, "needed[more]==1.0": needed}
    lock = "".join(f"{pin} \\\n    --hash=sha256:{digest}\n" for pin, digest in pins.items())
    (project / "requirements" / "dev.txt").write_text(lock, encoding="utf-8")
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (project / "pyproject.toml").write_text(system + '[project]\nname = "changeover"\nversion = "0.1.0"\n', "utf-8")
    return project


def install(project: Path, script: str = "requirements/install") -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "COV"))},
        "PYTHON": sys.executable,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(project.parent / "index"),
    }
    return subprocess.run([project / script], env=environment, capture_output=True, text=True, timeout=300, check=False)


def installed(project: Path) -> dict[str, str]:
    listed = subprocess.run(
        [project / ".venv/bin/python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return {package["name"]: package["version"] for package in json.loads(listed.stdout) if package["name"] != "pip"}


def test_the_lock_is_installed_though_the_index_has_newer_versions(tree: Path) -> None:
    """Fault 80: the package index has moved on since the lock was written."""
    ended = install(tree)
    assert ended.returncode == 0, ended.stderr
    assert installed(tree) == {"asks": "1.0", "changeover": "0.1.0", "extra": "1.0", "needed": "1.0"}


def test_packages_of_an_older_lock_are_removed(tree: Path) -> None:
    assert install(tree).returncode == 0
    lock = tree / "requirements" / "dev.txt"
    shorter = lock.read_text(encoding="utf-8").split("extra==1.0")[0]
    lock.write_text(shorter, encoding="utf-8")
    ended = install(tree)
    assert ended.returncode == 0, ended.stderr
    assert installed(tree) == {"asks": "1.0", "changeover": "0.1.0"}
    assert "Removing what is not locked: extra needed" in ended.stdout


def test_a_file_with_another_hash_is_refused(tree: Path) -> None:
    make_wheel(tree.parent / "index", "extra", "1.0", "Summary: another file of the same name")
    ended = install(tree)
    assert ended.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in ended.stderr

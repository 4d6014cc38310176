"""The making of an environment: a virtual environment, its packages by pip, and its facts.

Its folder is complete only with `environment.json`, which is written last. A failure removes the folder. Whatever a
process that was killed has left there is removed by the next one.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import changeover
from changeover.environments.environment import (
    FILE,
    Environment,
    Stored,
    check_name,
    read_environments,
    write_environment,
)
from changeover.environments.exceptions import CannotMake, EnvironmentExists
from changeover.environments.requirements import complete
from changeover.json_types import JsonObject

_PYTHON: Final = "venv/bin/python"
_LIST: Final = "allowed_globals.json"
_BOOTSTRAP: Final = Path(changeover.__file__).resolve().parent.with_name("model_runner") / "bootstrap.py"
_LEAST_PYTHON: Final = (3, 11)
_LONGEST: Final = 600  # of a quoted error
_NO_NETWORK: Final = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|ReadTimeoutError|Failed to establish"
)
# from source these take an hour, or fail with pages of a compiler
_ONLY_WHEELS: Final = "--only-binary=numpy,scipy,pandas,scikit-learn,onnx,onnxruntime,msgspec,lightgbm,xgboost,catboost"
_SECONDS: Final = 600.0  # for the imports of large libraries on a busy machine; pip has time limits of its own

Say = Callable[[str], None]


def make_environment(
    directory: Path,
    name: str,
    requirements: Sequence[str],
    *,
    python: str | None = None,
    allow_code: bool = False,
    say: Say,
) -> Environment:
    """Make the environment `name` in `directory`; `python` is the interpreter, the running one by default.

    Raises InvalidEnvironment for the name, EnvironmentExists, and CannotMake with the step that failed and why.
    """
    check_name(name)
    wanted = complete(requirements)
    interpreter = python or sys.executable
    _check_interpreter(interpreter)
    with _new_folder(directory, name) as folder:
        say(f"making {folder / 'venv'}")
        _make_venv(interpreter, folder / "venv")
        say(f"installing {' '.join(wanted.asked)}, and what a model's process needs beside")
        _install(folder / _PYTHON, [*wanted.asked, *wanted.added], requirements)
        say("importing the packages, and listing what models may use of them")
        facts = _facts(folder / _PYTHON, folder / _LIST)
        stored = Stored(
            name=name,
            python=_PYTHON,
            versions=dict(sorted(facts["versions"].items())),
            roots=facts["roots"],
            allow_code=allow_code,
            allowed_globals=_LIST,
            requirements=list(requirements),
        )
        write_environment(folder, stored)
    return read_environments(directory)[name]


def remove_environment(directory: Path, name: str) -> None:
    """Remove an environment; a reader sees the whole one or none. Raises InvalidEnvironment and OSError."""
    folder = directory / check_name(name)
    (folder / FILE).unlink(missing_ok=True)
    shutil.rmtree(folder)


@contextlib.contextmanager
def _new_folder(directory: Path, name: str) -> Iterator[Path]:
    """The empty folder of a new environment, locked; removed unless the block ends without an error."""
    folder = directory.absolute() / name
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = folder.exists() and os.path.samestat(os.fstat(lock), folder.stat())
        except BlockingIOError:
            is_there = False
        if not is_there:
            raise EnvironmentExists(f"the environment {name!r} is being made by another process: wait for it")
        if (folder / FILE).exists():
            raise EnvironmentExists(
                f"the environment {name!r} exists: choose another name, or remove it first "
                f"(`changeover environment remove {name}`)"
            )
        try:
            for left in folder.iterdir():
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _check_interpreter(python: str) -> None:
    """Raise CannotMake unless `python` runs and is new enough."""
    ended = _run([python, "-I", "-c", "import sys; print(*sys.version_info[:2])"], "the interpreter")
    version = tuple(int(part) for part in re.findall(r"\d+", ended.stdout)[:2])
    if ended.returncode or version < _LEAST_PYTHON:
        shown = ".".join(map(str, version)) or f"no Python, and ended with status {ended.returncode}"
        raise CannotMake(f"{python} is {shown}: an environment needs Python 3.11 or later")


def _make_venv(python: str, folder: Path) -> None:
    ended = _run([python, "-I", "-m", "venv", str(folder)], "the virtual environment")
    if ended.returncode:
        raise CannotMake(
            f"{python} cannot make a virtual environment (Debian keeps what it takes in the package python3-venv): "
            f"{_end_of(ended.stdout + ended.stderr)}"
        )


def _install(python: Path, requirements: Sequence[str], asked: Sequence[str]) -> None:
    pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    ended = _run([*pip, _ONLY_WHEELS, "--", *requirements], "pip", seconds=None)
    if not ended.returncode:
        return
    if _NO_NETWORK.search(ended.stderr):
        raise CannotMake(
            f"pip cannot reach the package index for {' '.join(asked)}: an environment is made with a network, or with "
            f"the packages in a folder that pip's configuration names (`find-links`)"
        )
    errors = [line.removeprefix("ERROR: ") for line in ended.stderr.splitlines() if line.startswith("ERROR: ")]
    reason = " ".join(" ".join(errors).split())[:_LONGEST] or _end_of(ended.stderr)
    if "(from versions: none)" in reason:
        reason += "; if the name is right, the index cannot be reached from here, or has nothing for this Python"
    elif "Could not find a version" in reason:
        reason += "; if it exists, it has no build for this Python: choose an older one with --python"
    raise CannotMake(f"pip cannot install {' '.join(asked)}: {reason}")


def _facts(python: Path, allowed_globals: Path) -> dict[str, Any]:
    command = [str(python), "-I", str(_BOOTSTRAP), "changeover.environments.facts", str(allowed_globals)]
    ended = _run(command, "the import of its packages")
    try:
        facts: JsonObject = json.loads(ended.stdout)
    except ValueError:
        raise CannotMake(f"its packages cannot be imported: {_end_of(ended.stderr) or ended.returncode}") from None
    if facts["error"]:
        raise CannotMake(str(facts["error"]))
    return facts


def _run(command: list[str], step: str, seconds: float | None = _SECONDS) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603  the interpreter and the requirements are the operator's
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
    except OSError as error:
        raise CannotMake(f"{command[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise CannotMake(f"{step} took over {seconds:g} s") from None


def _end_of(output: str) -> str:
    return " ".join(output.split())[-_LONGEST:]

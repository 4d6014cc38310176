"""Python environments of the peers, made once by uv or by venv and pip, and the versions in them."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEADLINE: Final = 900.0  # seconds for one environment
STAMP: Final = "ready.json"
_VERSIONS: Final = """
import json, sys
from importlib import metadata
found = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in metadata.distributions()}
print(json.dumps(found))
"""


class CannotPrepare(Exception):
    """A peer that cannot be set up or started; the message has the reason and the log file."""


@dataclass(frozen=True)
class Environment:
    """A peer's Python, the versions in it, its size, and the seconds of its set-up (0 if it was there)."""

    python: Path
    versions: dict[str, str]
    seconds: float
    megabytes: int

    @property
    def binaries(self) -> Path:
        """The folder of its commands."""
        return self.python.parent


def prepare(name: str, requirements: tuple[str, ...], home: Path, python: str) -> Environment:
    """The environment `name` in `home`, made again if its requirements changed. Raises CannotPrepare."""
    folder, start = home / "environments" / name, time.monotonic()
    wanted = {"requirements": list(requirements), "python": python}
    stamp = folder / STAMP
    fresh = stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == wanted
    if not fresh:
        print(f"{name}: installing {', '.join(requirements)}", file=sys.stderr, flush=True)
        _make(folder, requirements, home / "logs" / f"install-{name}.log", python)
        stamp.write_text(json.dumps(wanted), encoding="utf-8")
    inside = folder / "bin" / "python"
    return Environment(inside, versions(inside), 0.0 if fresh else time.monotonic() - start, _megabytes(folder))


def versions(python: Path) -> dict[str, str]:
    """The versions of the distributions that are installed for a Python, by name. Raises CannotPrepare."""
    try:
        completed = subprocess.run([str(python), "-c", _VERSIONS], check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError) as error:
        raise CannotPrepare(f"{python} does not run: {error}") from error
    installed: dict[str, str] = json.loads(completed.stdout)
    return installed


def install(environment: Path, requirements: list[str], log: Path) -> None:
    """Add packages to an environment. Raises CannotPrepare."""
    uv = shutil.which("uv")
    inside = str(environment)
    tool = [uv, "pip", "install", "--python", inside] if uv else [inside, "-m", "pip", "install"]
    run([*tool, "--quiet", *requirements], log, DEADLINE)


def run(command: list[str], log: Path, seconds: float, env: dict[str, str] | None = None) -> None:
    """Run a command, with its output in a file. Raises CannotPrepare with the last line of it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("wb") as out:
            subprocess.run(command, check=True, stdout=out, stderr=out, timeout=seconds, env=env)
    except subprocess.TimeoutExpired as error:
        raise CannotPrepare(f"not done within {seconds:.0f} s, see {log}") from error
    except (subprocess.SubprocessError, OSError) as error:
        raise CannotPrepare(f"{last_line(log) or error} (see {log})") from error


def last_line(log: Path) -> str:
    """The last line of a log, shortened."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip()[:160] if lines else ""


def _make(folder: Path, requirements: tuple[str, ...], log: Path, python: str) -> None:
    uv = shutil.which("uv")
    maker = [uv, "venv", "--quiet", "--clear", "--python", python] if uv else [python, "-m", "venv", "--clear"]
    run([*maker, str(folder)], log, DEADLINE)
    install(folder / "bin" / "python", list(requirements), log)


def _megabytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink()) >> 20

"""The `ALLOWED_GLOBALS` setting: its syntax, and the check that each name can be imported.

An entry is `module.name`. Only an import shows that it exists, and an import runs the module. So a child process
imports it. The child gets no environment variable of this process, no token and no store key, and ends at a deadline.
"""

import importlib
import json
import os
import subprocess
import sys
import types
from collections.abc import Sequence
from typing import Final

from changeover.exceptions import InvalidSetting

_SETTING: Final = "ALLOWED_GLOBALS"
_SECONDS: Final = 120.0  # for the imports of a large library on a busy machine
_LONGEST: Final = 300  # of an import's error output
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def names_in(text: str) -> tuple[str, ...]:
    """The dotted names in `text`, separated by commas. Raises ValueError that quotes the first one that is not dotted."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        parts = name.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise ValueError(
                f"{name!r} is not the dotted name of a class or function: write its module and its name, "
                f"like mypackage.steps.Rounder"
            )
    return names


def refuse_missing(names: Sequence[str], *, isolated: bool) -> None:
    """Raise InvalidSetting that quotes each of `names` that cannot be imported.

    `isolated` searches the paths of `python -I`, as the processes that examine artifacts do; otherwise the paths of
    this process.
    """
    if not names:
        return
    environment = _ENVIRONMENT if isolated else _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, *(["-I"] if isolated else []), "-m", "changeover.artifact.extra_globals", *names]
    try:
        ended = subprocess.run(  # noqa: S603  our own interpreter and module, and names that were checked
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidSetting(f"{_SETTING}: importing {', '.join(names)} took over {_SECONDS:g} s") from None
    try:
        reasons = json.loads(ended.stdout.decode("utf-8").rpartition("\n")[2])
    except ValueError:
        reasons = {", ".join(names): f"the process that imported them ended with status {ended.returncode}"}
    if reasons:
        faults = "; ".join(f"{name!r}: {reason}" for name, reason in reasons.items())
        raise InvalidSetting(
            f"{_SETTING}: {faults}; correct the name, or install its package in the environment of this service"
        )


def main(names: Sequence[str]) -> int:
    """Import each of `names` and print, as a line of JSON, the ones that fail and why."""
    reasons = {name: reason for name in names if (reason := _reason(name))}
    sys.stdout.write("\n" + json.dumps(reasons))
    return 0


def _reason(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    try:
        imported: types.ModuleType = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001  the import runs a foreign module, which may raise anything
        return f"{module} cannot be imported: {type(error).__name__}: {error}"[:_LONGEST]
    # vars, not getattr: an artifact's names are looked up in the same way
    return "" if attribute in vars(imported) else f"{module} has no {attribute}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

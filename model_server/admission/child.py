"""The child process that examines one artifact: `python -I -m model_server.admission.child DESCRIPTOR|probe`.

It starts with an environment without secrets, imports the libraries of models, and confines itself. Only then does it
read the artifact, from an inherited descriptor. The task is JSON on standard input; the verdict is JSON on standard
output, and the ONNX twin follows it.
On Linux, `model_server/admission/fork_server.py` has the libraries imported already, and calls `examine` in a fork.
"""

import hashlib
import importlib
import json
import os
import site
import sys
import sysconfig
import warnings
from pathlib import Path
from typing import Final, TextIO

import msgspec

from changeover.json_types import JsonObject
from model_server.admission.confine import confine, die_with_parent
from model_server.admission.messages import Task

PROBE: Final = "probe"
NICE: Final = 10  # responses to requests have priority over an examination
_PROBE_MEMORY, _PROBE_SECONDS = 1 << 40, 60
# shared libraries, time zones, and the number of processors (joblib reads it)
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_PROCESSORS: Final = ("/sys/devices/system/cpu", "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu")


def main(arguments: list[str]) -> int:
    """Examine one artifact and print the verdict."""
    die_with_parent()
    os.nice(NICE)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # so that the output of a library does not mix with the verdict
    if arguments == [PROBE]:
        json.dump(confine(readable(), _PROBE_MEMORY, _PROBE_SECONDS), output)
        output.close()
        return 0
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stderr.write(preload(task.extra_globals, twins=task.twin))
    _examine_confined(int(arguments[0]), task, output)
    return 0


def examine(descriptor: int, task_descriptor: int, output: TextIO) -> None:
    """Examine the artifact at `descriptor` for the task at `task_descriptor`; confines this preloaded process."""
    with os.fdopen(task_descriptor, "rb") as file:
        task = msgspec.json.decode(file.read(), type=Task)
    _examine_confined(descriptor, task, output)


def _examine_confined(descriptor: int, task: Task, output: TextIO) -> None:
    measures = confine(readable(), task.memory_bytes, task.cpu_seconds)
    lost = [measure for measure in task.required if not measures[measure]]
    if lost:
        raise SystemExit(f"the confinement holds on this system, but not in this process: {lost}")
    _examine(descriptor, task, output)
    output.close()


def readable() -> list[Path]:
    """The paths that stay readable: Python's library, installed packages, our packages, system libraries."""
    paths = sysconfig.get_paths()
    ours = [importlib.import_module(name).__path__[0] for name in ("changeover", "model_server")]
    named = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages(), *ours]
    return [Path(path) for path in dict.fromkeys([*named, *_SYSTEM, *_PROCESSORS])]


def preload(extra_globals: list[str], *, twins: bool) -> str:
    """Import the libraries of models and of ONNX twins before the confinement; returns a line for each failed import.

    The libraries of ONNX twins inspect the processor during their import. The checks themselves do not need them.
    """
    from model_server.admission import checks  # noqa: F401  slow to import, and a probe does not need it

    for name in ("sklearn.pipeline", "sklearn.ensemble", "sklearn.linear_model", "scipy.sparse", "scipy.interpolate"):
        importlib.import_module(name)
    # several estimators look up the thread pools of libraries, in files that will be closed; this caches the result
    importlib.import_module("sklearn.utils.parallel")._get_threadpool_controller()  # noqa: SLF001  no public one
    wanted = [(dotted.rpartition(".")[0], f"{dotted} of ALLOWED_GLOBALS") for dotted in extra_globals]
    if twins:
        wanted += [(name, f"{name}, without which there are no twins,") for name in ("onnx", "skl2onnx", "onnxruntime")]
    failures = ""
    for name, what in wanted:
        try:
            importlib.import_module(name)
        except ImportError as error:
            failures += f"{what} cannot be imported: {error}\n"
    return failures


def _examine(descriptor: int, task: Task, output: TextIO) -> None:
    """Write the verdict on its own line, then export the ONNX twin: a failed export cannot change the verdict."""
    from model_server.admission import checks

    warnings.simplefilter("ignore")  # the verdict has the warnings for the publisher
    try:
        buffer = _read(descriptor, task.size)
        examined = checks.examine(buffer, task)
        members = examined.members if isinstance(examined, checks.Examined) else examined
        _write({**members, "sha256": hashlib.sha256(buffer).hexdigest()}, output)
    except MemoryError:
        _write({"refused": checks.TOO_LARGE.format(memory=task.memory_bytes)}, output)
        return
    if task.twin and isinstance(examined, checks.Examined):
        from model_server.admission.onnx import twin_of

        del buffer
        description, twin = twin_of(examined)
        _write(description, output)
        output.buffer.write(twin)


def _write(body: JsonObject, output: TextIO) -> None:
    output.write(json.dumps(body, allow_nan=False) + "\n")
    output.flush()


def _read(descriptor: int, size: int) -> bytes:
    """The whole artifact, in memory: a later change of the file has no effect."""
    with os.fdopen(descriptor, "rb") as artifact:
        buffer = artifact.read(size + 1)
    if len(buffer) != size:
        raise SystemExit(f"the artifact has {len(buffer)} bytes, {size} were announced")
    return buffer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

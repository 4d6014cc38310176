"""Examines an upload in a child process: started empty, watched, killed at its deadline.

Carries "it never unpickles" of the design: this side handles a path and JSON, never an object of the artifact's.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from changeover import log_events
from changeover.clock import now
from changeover.exceptions import ChangeoverError
from changeover.manifest import Draft, JsonObject
from changeover.strict_json import parse
from model_server.admission.confine import MEASURES
from model_server.admission.task import Admitted, Refused, Task, read_twin, read_verdict

__all__ = ["Admitted", "Examiner", "Limits", "Refused"]

_CHILD: Final = (sys.executable, "-I", "-m", "model_server.admission.child")
_ONE = "1"
# nothing of ours: no token, no key, no path; one thread, so that every measure reaches all of them
_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": _ONE,
    "OPENBLAS_NUM_THREADS": _ONE,
    "MKL_NUM_THREADS": _ONE,
    "LOKY_MAX_CPU_COUNT": _ONE,
}
_MOST_ANSWER: Final = 16 * 1024**2
_MOST_TWIN: Final = 260 * 1024**2
_MOST_STDERR: Final = 64 * 1024
_PROBE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Limits:
    """What one examination may use: seconds, bytes of address space, unpacked bytes, columns; how many run at once."""

    timeout_s: float = 120.0
    memory_bytes: int = 8 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    max_columns: int = 10_000  # of the schema
    allow_version_skew: bool = False
    at_once: int = 2
    twins: bool = False  # whether to make them


@dataclass(frozen=True)
class _Ended:
    """What a child left: how it ended (None: killed at its deadline), what it said, and what it complained of."""

    status: int | None
    answer: bytes
    complaints: bytes


class Examiner:
    """Examines artifacts, a few at a time. Thread-safe; a further caller waits for its turn."""

    def __init__(self, limits: Limits, extra_globals: frozenset[str] = frozenset()) -> None:
        self._limits = limits
        self._extra_globals = sorted(extra_globals)
        self._turns = threading.BoundedSemaphore(limits.at_once)
        self.confinement: dict[str, bool] = _probe()

    def examine(self, path: Path, draft: Draft) -> Admitted | Refused:
        """Examine the artifact at `path`; `Admitted.version` says which bytes were examined.

        Raises OSError if the file cannot be opened or no process started: that is no fault of the artifact's.
        """
        limits = self._limits
        with self._turns, path.open("rb") as artifact:
            task = Task(
                size=os.fstat(artifact.fileno()).st_size,
                draft=draft,
                memory_bytes=limits.memory_bytes,
                cpu_seconds=max(1, round(limits.timeout_s) + 1),
                unpacked_bytes=limits.unpacked_bytes,
                max_columns=limits.max_columns,
                required=[measure for measure, holds in self.confinement.items() if holds],
                extra_globals=self._extra_globals,
                allow_version_skew=limits.allow_version_skew,
                twin=limits.twins,
            )
            with tempfile.TemporaryFile() as told:
                told.write(json.dumps(task.to_json()).encode())
                told.seek(0)
                ended = _run([str(artifact.fileno())], told, (artifact.fileno(),), limits.timeout_s)
        return self._judge(ended)

    def _judge(self, ended: _Ended) -> Admitted | Refused:
        limits = self._limits
        said, whole, rest = ended.answer.partition(b"\n")
        if whole and len(said) <= _MOST_ANSWER:
            try:
                verdict = read_verdict(parse(said))
            except ChangeoverError as error:
                return Refused(f"the examination of the artifact gave no usable verdict: {error}")
            return self._with_twin(verdict, ended, rest) if isinstance(verdict, Admitted) else verdict
        complaints = ended.complaints[-2000:].decode("utf-8", "replace")
        log_events.event("admission.failed", level="warning", status=ended.status, complaints=complaints)
        if ended.status is None:
            return Refused(
                f"the artifact was still being examined after {limits.timeout_s:g} s (ADMISSION_TIMEOUT), and was stopped"
            )
        if ended.status == 0:
            return Refused("the examination of the artifact gave no usable verdict: it ended without one")
        if len(said) > _MOST_ANSWER:
            return Refused(f"what there is to say of the artifact exceeds {_MOST_ANSWER} bytes")
        return Refused(_how_it_ended(ended.status, b"MemoryError" in ended.complaints, limits.memory_bytes))

    def _with_twin(self, verdict: Admitted, ended: _Ended, rest: bytes) -> Admitted:
        """`verdict` with its twin, or with why there is none; a twin that fails takes nothing from the verdict."""
        if not self._limits.twins:
            return verdict
        told, twin = _twin_of(ended, rest)
        if "absent" in told and ended.status != 0:
            complaints = ended.complaints[-2000:].decode("utf-8", "replace")
            log_events.event("admission.twin_failed", level="warning", status=ended.status, complaints=complaints)
        return replace(verdict, twin=told, twin_bytes=twin)


def _twin_of(ended: _Ended, rest: bytes) -> tuple[JsonObject, bytes]:
    said, whole, twin = rest.partition(b"\n")
    if ended.status == 0 and whole:
        try:
            return read_twin(parse(said), twin)
        except ChangeoverError as error:
            return {"absent": f"what was said of it is no JSON: {error}"}, b""
    if ended.status is None:
        return {"absent": "making it took longer than what ADMISSION_TIMEOUT left"}, b""
    return {"absent": f"the process that made it ended with {ended.status}; the log of model_server says more"}, b""


def _how_it_ended(status: int, out_of_memory: bool, memory_bytes: int) -> str:
    if out_of_memory or -status == signal.SIGABRT:
        return f"the artifact needs more than the {memory_bytes} bytes of ADMISSION_MEMORY_BYTES, or is damaged"
    if status >= 0:
        return f"the examination of the artifact failed with status {status}; the log of model_server says more"
    name = signal.Signals(-status).name
    if -status == signal.SIGKILL:
        return "the examination of the artifact was killed from outside (out of memory?)"
    if -status == signal.SIGXCPU:
        return "the artifact used up its processor time while it was examined"
    return f"the artifact crashed the process that examined it ({name}): it is damaged or forged"


def _probe() -> dict[str, bool]:
    """Which measures hold on this system, found by a child that takes them all and does nothing else."""
    with tempfile.TemporaryFile() as nothing:
        ended = _run(["probe"], nothing, (), _PROBE_SECONDS)
    try:
        said = json.loads(ended.answer)
    except ValueError:
        said = {}
    held = {measure: said.get(measure) is True for measure in MEASURES}
    missing = [measure for measure, holds in held.items() if not holds]
    if missing:
        log_events.event("admission.confinement_partial", level="warning", missing=missing)
    return held


def _run(arguments: list[str], told: IO[bytes], descriptors: tuple[int, ...], seconds: float) -> _Ended:
    """Run the child to its end or its deadline; nothing of its process group outlives this call."""
    deadline = now() + seconds
    child = subprocess.Popen(  # noqa: S603  our own interpreter and module, by absolute path
        [*_CHILD, *arguments],
        stdin=told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd="/",
        pass_fds=descriptors,
        start_new_session=True,
    )
    try:
        with child:
            try:
                answer, complaints, over = _listen(child, deadline)
                status: int | None = None if over else child.wait(max(0.0, deadline - now()))
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _kill(child)
            return _Ended(status, answer, complaints)
    finally:
        _kill(child)


def _listen(child: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bytes, bool]:
    """Both outputs, each cut at its cap, and whether the deadline came first."""
    caps = {child.stdout: _MOST_ANSWER + _MOST_TWIN + 1, child.stderr: _MOST_STDERR}
    heard: dict[object, bytearray] = {stream: bytearray() for stream in caps}
    with selectors.DefaultSelector() as selector:
        for stream in caps:
            selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        while selector.get_map():
            left = deadline - now()
            if left <= 0:
                break
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                kept = heard[key.fileobj]
                kept += chunk[: max(0, caps[key.fileobj] - len(kept))]  # type: ignore[index]
        over = bool(selector.get_map())
    return bytes(heard[child.stdout]), bytes(heard[child.stderr]), over


def _kill(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS, for a process that has just ended
        child.kill()

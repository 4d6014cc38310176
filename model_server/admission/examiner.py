"""The examiner of uploads: it runs a child process for each, with a deadline, and reads its verdict.

model_server never unpickles: this side handles only a path, JSON and bytes.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft, Manifest
from changeover.process import log_events
from changeover.process.clock import utc_now
from changeover.request.strict_json import parse
from model_server.admission.confine import MEASURES
from model_server.admission.messages import Admitted, Refused, Task, read_twin, read_verdict
from model_server.admission.onnx_upload import examine_onnx, is_onnx_file
from model_server.admission.processes import IDLE_SECONDS, MOST_OUTPUT, Ended, ForkServer, spawned
from model_server.admission.twin import checked

__all__ = ["Admitted", "Examiner", "Limits", "Refused"]

_PROBE_SECONDS: Final = 30.0
LOGGED_STDERR: Final = 2000  # bytes, the last ones


@dataclass(frozen=True)
class Limits:
    """The limits of one examination (time, address space, unpacked bytes, columns), and of their number at a time."""

    timeout_s: float = 120.0
    memory_bytes: int = 8 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    max_columns: int = 10_000  # of the schema
    allow_version_skew: bool = False
    at_once: int = 2
    twins: bool = False  # whether to export ONNX twins


class Examiner:
    """The examiner. Thread-safe; at most `Limits.at_once` examinations run, further callers wait."""

    def __init__(
        self, limits: Limits, extra_globals: frozenset[str] = frozenset(), *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """The fork server ends after `idle_seconds` without an examination."""
        self._limits = limits
        self._extra_globals = sorted(extra_globals)
        self._slots = threading.BoundedSemaphore(limits.at_once)
        preloaded = {"extra_globals": self._extra_globals, "twins": limits.twins}
        self._fork_server = ForkServer(json.dumps(preloaded), idle_seconds) if sys.platform == "linux" else None
        self.confinement: dict[str, bool] = _probe()

    def examine(self, model: str, path: Path, draft: Draft, provenance: JsonObject) -> Admitted | Refused:
        """Examine the artifact at `path` as a version of `model`, with the publisher's draft of the manifest.

        Raises OSError if the file cannot be opened or no process starts; the artifact is not the cause then.
        """
        limits = self._limits
        rest: JsonObject = {
            "model": model,
            "created_at": utc_now(),
            "metrics": dict(draft.metrics),
            "description": draft.description,
            "evaluation": draft.evaluation,
            "provenance": provenance,
        }
        if is_onnx_file(path):
            with self._slots:
                return examine_onnx(path, draft, limits.max_columns, rest)
        with self._slots, path.open("rb") as artifact:
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
            with tempfile.TemporaryFile() as task_file:
                task_file.write(msgspec.json.encode(task))
                task_file.seek(0)
                ended = self._run(artifact.fileno(), task_file)
        return self._judge(ended, {**rest, "size": task.size})

    def close(self) -> None:
        """End the fork server."""
        if self._fork_server is not None:
            self._fork_server.close()

    def _run(self, artifact: int, task_file: IO[bytes]) -> Ended:
        if self._fork_server is not None:
            return self._fork_server.run(artifact, task_file.fileno(), self._limits.timeout_s)
        return spawned([str(artifact)], task_file, (artifact,), self._limits.timeout_s)

    def _judge(self, ended: Ended, rest: JsonObject) -> Admitted | Refused:
        """The verdict of a child that ended; `rest` has the members of the manifest that the child does not determine."""
        limits = self._limits
        line, whole, after = ended.output.partition(b"\n")
        if whole and len(line) <= MOST_OUTPUT:
            try:
                examined = read_verdict(parse(line))
                if isinstance(examined, Refused):
                    return examined
                twin, twin_bytes = _twin(ended, after) if limits.twins else (None, b"")
                # the one reader of manifests checks each member, and `checked` the twin: the child is not trusted
                return checked(Admitted(Manifest.from_json({**examined, **rest, "twin": twin}), twin_bytes))
            except ChangeoverError as error:
                return Refused(f"the examination of the artifact gave no usable verdict: {error}")
        _log("admission.failed", ended)
        if ended.status is None:
            return Refused(
                f"the artifact was still being examined after {limits.timeout_s:g} s (ADMISSION_TIMEOUT), and was stopped"
            )
        if ended.status == 0:
            return Refused("the examination of the artifact gave no usable verdict: it ended without one")
        if len(line) > MOST_OUTPUT:
            return Refused(f"the verdict on the artifact exceeds {MOST_OUTPUT} bytes")
        return Refused(_how_it_ended(ended.status, b"MemoryError" in ended.stderr, limits.memory_bytes))


def _twin(ended: Ended, output: bytes) -> tuple[JsonObject, bytes]:
    """The ONNX twin, or the reason for its absence; a failed export changes nothing else."""
    line, whole, twin_bytes = output.partition(b"\n")
    reason = f"the process that made it ended with {ended.status}; the log of model_server says more"
    if ended.status is None:
        reason = "making it took longer than what ADMISSION_TIMEOUT left"
    elif ended.status == 0 and whole:
        try:
            return read_twin(parse(line), twin_bytes)
        except ChangeoverError as error:
            return {"absent": f"its description is no JSON: {error}"}, b""
    if ended.status != 0:
        _log("admission.twin_failed", ended)
    return {"absent": reason}, b""


def _log(event: str, ended: Ended) -> None:
    stderr = ended.stderr[-LOGGED_STDERR:].decode("utf-8", "replace")
    log_events.event(event, level="warning", status=ended.status, stderr=stderr)


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
    """The measures of confinement that hold on this system, from a child process that only tries them."""
    with tempfile.TemporaryFile() as nothing:
        ended = spawned(["probe"], nothing, (), _PROBE_SECONDS)
    try:
        measures = json.loads(ended.output)
    except ValueError:
        measures = {}
    confinement = {measure: measures.get(measure) is True for measure in MEASURES}
    missing = [measure for measure, holds in confinement.items() if not holds]
    if missing:
        log_events.event("admission.confinement_partial", level="warning", missing=missing)
    return confinement

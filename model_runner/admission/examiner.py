"""The examiner of uploads: a runner examines each, with a deadline, and its verdict is read here.

model_server never unpickles: this side handles only a path, JSON and bytes.
"""

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from changeover.environments.exceptions import InvalidEnvironment, NoEnvironment
from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.manifest.manifest import DEFAULT_ENVIRONMENT, Draft, Manifest
from changeover.process import log_events
from changeover.process.clock import now, utc_now
from changeover.protocol.wire import LARGEST_BODY, LONGEST_TEXT
from changeover.request.strict_json import parse
from model_runner.admission.environment_choice import chosen, read_names
from model_runner.admission.exceptions import CannotExamine
from model_runner.admission.onnx_upload import examine_onnx, is_onnx_file
from model_runner.admission.twin import checked
from model_runner.admission.verdict import NO_ENVIRONMENT, Admitted, Refused, other_bytes, read_twin, read_verdict
from model_runner.pool.confinement import missing, probed
from model_runner.pool.examination import (
    IDLE_SECONDS,
    NICE,
    Examination,
    Examinations,
    ModelTimeout,
    NoRunner,
    Options,
    Preload,
    RunnerEnded,
    Task,
    sealed_copy,
)

__all__ = ["NO_ENVIRONMENT", "Admitted", "Examiner", "Limits", "Refused"]

MOST_VERDICT: Final = LARGEST_BODY - 256 * 1024  # a replica could not read the manifest of a larger one
LOGGED_STDERR: Final = 2000  # bytes, the last ones


@dataclass(frozen=True)
class Limits:
    """The limits of one examination (time, address space, unpacked bytes, columns), and of their number at a time."""

    timeout_s: float = 120.0
    memory_bytes: int = 8 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    max_columns: int = 10_000  # of the schema
    at_once: int = 2
    twins: bool = False  # whether to export ONNX twins
    require_confinement: bool = False  # whether to examine nothing without all measures of confinement


class Examiner:
    """The examiner. Thread-safe; at most `Limits.at_once` examinations run, further callers wait."""

    def __init__(
        self,
        limits: Limits,
        extra_globals: frozenset[str] = frozenset(),
        environments_dir: Path | None = None,
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """The zygotes end after `idle_seconds` without an examination."""
        self._extra_globals = extra_globals
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.at_once)
        preload = Preload(sorted(extra_globals), twins=limits.twins, nice=NICE)
        self._examinations = Examinations(environments_dir, preload, idle_seconds)
        self.confinement: dict[str, bool] = probed()

    def examine(
        self, model: str, path: Path, draft: Draft, provenance: JsonObject, *, expected: str | None = None
    ) -> Admitted | Refused:
        """Examine the artifact at `path` as a version of `model`, with the publisher's draft of the manifest.

        Bytes with another SHA-256 than `expected` are refused before anything reads them.
        Raises CannotExamine if no process starts, or may start; OSError if the file cannot be opened.
        """
        limits = self._limits
        rest: JsonObject = {
            "model": model,
            "created_at": utc_now(),
            "metrics": dict(draft.metrics),
            "description": draft.description,
            "evaluation": draft.evaluation,
            "outputs": [*draft.outputs],
            "reference": draft.reference,
            "provenance": provenance,
            "schema_by": _giver(draft.schema is not None),
            "golden_by": _giver(draft.golden is not None and bool(draft.golden.get("rows"))),
        }
        if is_onnx_file(path):
            with self._slots:
                return examine_onnx(path, draft, limits.max_columns, rest, expected)
        return self._examined_by_runner(path, draft, rest, expected)

    def _examined_by_runner(
        self, path: Path, draft: Draft, rest: JsonObject, expected: str | None
    ) -> Admitted | Refused:
        limits = self._limits
        if limits.require_confinement and (lacking := missing(self.confinement)):
            raise CannotExamine(
                f"REQUIRE_CONFINEMENT is set, and these measures do not hold on this system: {', '.join(lacking)}"
            )
        with self._slots:
            with path.open("rb") as file:
                descriptor, size, version = sealed_copy(file)
            with os.fdopen(descriptor, "rb"):
                if expected not in {None, version}:
                    return other_bytes(version, str(expected))
                rest = {**rest, "version": version, "size": size}
                task = Task(
                    size, msgspec.structs.replace(draft, reference=None), limits.unpacked_bytes, limits.max_columns
                )
                try:
                    return self._examined(descriptor, task, rest)
                except NoEnvironment as error:
                    return Refused(str(error), NO_ENVIRONMENT)
                except (NoRunner, InvalidEnvironment, OSError) as error:
                    raise CannotExamine(f"the artifact cannot be examined now: {error}") from error

    def close(self) -> None:
        """End the zygotes."""
        self._examinations.close()

    def _examined(self, descriptor: int, task: Task, rest: JsonObject) -> Admitted | Refused:
        """Survey the artifact in the default environment, then examine it there or in the one that serves it."""
        with self._examinations.open(DEFAULT_ENVIRONMENT, self._options()) as examination:
            try:
                body = examination.survey(descriptor, task.size, task.unpacked_bytes, self._limits.timeout_s)
                names = read_names(parse(body))
            except ModelTimeout:
                return Refused(self._too_long())
            except RunnerEnded as error:
                return Refused(self._how_it_ended(examination, error))
            except ChangeoverError as error:
                return Refused(f"the artifact cannot be read: {error}")
            if names.bundle:
                return Refused(names.bundle[:LONGEST_TEXT])
            choice = chosen(names, task.draft, self._extra_globals, self._examinations.environments())
            task = msgspec.structs.replace(task, skew_allowed=choice.skewed)
            rest = {**rest, "runner_environment": choice.environment}
            if choice.environment == DEFAULT_ENVIRONMENT:
                return self._judge(examination, descriptor, task, rest)
        with self._examinations.open(choice.environment, self._options()) as examination:
            return self._judge(examination, descriptor, task, rest)

    def _too_long(self) -> str:
        return (
            f"the artifact was still being examined after {self._limits.timeout_s:g} s (ADMISSION_TIMEOUT), "
            f"and was stopped"
        )

    def _options(self) -> Options:
        limits = self._limits
        return Options(
            limits.memory_bytes,
            cpu_seconds=max(1, round(limits.timeout_s) + 1),
            required=[measure for measure, holds in self.confinement.items() if holds],
        )

    def _judge(self, examination: Examination, descriptor: int, task: Task, rest: JsonObject) -> Admitted | Refused:
        """The verdict of a runner; `rest` has the members of the manifest that the runner does not determine."""
        limits = self._limits
        deadline = now() + limits.timeout_s
        try:
            body = examination.examine(descriptor, task, limits.timeout_s)
        except ModelTimeout:
            return Refused(self._too_long())
        except RunnerEnded as error:
            return Refused(self._how_it_ended(examination, error))
        if len(body) > MOST_VERDICT:
            return Refused(
                f"the schema, classes and golden rows of the artifact have {len(body)} bytes, at most {MOST_VERDICT} are "
                f"taken: publish it with fewer golden rows, or with shorter labels"
            )
        try:
            examined = read_verdict(parse(body), str(rest["version"]))
            if isinstance(examined, Refused):
                return examined
            twin, twin_bytes = self._twin(examination, deadline) if limits.twins else (None, b"")
            # the one reader of manifests checks each member, and `checked` the twin: the runner is not trusted
            return checked(Admitted(Manifest.from_json({**examined, **rest, "twin": twin}), twin_bytes))
        except ChangeoverError as error:
            return Refused(f"the examination of the artifact gave no usable verdict: {error}")

    def _twin(self, examination: Examination, deadline: float) -> tuple[JsonObject, bytes]:
        """The ONNX twin, or the reason for its absence; a failed export changes nothing else."""
        try:
            description, twin = examination.export(max(0.0, deadline - now()))
            return read_twin(parse(description), twin)
        except ModelTimeout:
            return {"absent": "making it took longer than what ADMISSION_TIMEOUT left"}, b""
        except RunnerEnded as error:
            _log("admission.twin_failed", examination)
            return {"absent": f"the process that made it ended ({error}); the log says more"}, b""
        except ChangeoverError as error:
            return {"absent": f"its description is no JSON: {error}"}, b""

    def _how_it_ended(self, examination: Examination, error: RunnerEnded) -> str:
        stderr = _log("admission.failed", examination)
        status, memory = examination.status, self._limits.memory_bytes
        if "MemoryError" in stderr or status == -signal.SIGABRT:
            return f"the artifact needs more than the {memory} bytes of ADMISSION_MEMORY_BYTES, or is damaged"
        if status == 0:
            return "the examination of the artifact gave no usable verdict: it ended without one"
        if status is None or status > 0:
            return f"the examination of the artifact failed with status {status}; the log says more"
        if status == -signal.SIGKILL:
            return "the examination of the artifact was killed from outside (out of memory?)"
        if status == -signal.SIGXCPU:
            return "the artifact used up its processor time while it was examined"
        name = signal.Signals(-status).name
        return f"the artifact crashed the process that examined it ({name}): it is damaged or forged"


def _giver(given: bool) -> str:
    """The origin of a member of the manifest, `given` in the draft or not."""
    return "publisher" if given else "admission"


def _log(event: str, examination: Examination) -> str:
    stderr = examination.stderr(LOGGED_STDERR)
    log_events.event(event, level="warning", status=examination.status, stderr=stderr)
    return stderr

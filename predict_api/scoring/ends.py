"""The ends of scorer processes: three of one version within a minute, over all workers, make it degraded.

The workers of an instance share a file with the ends of the last minute, so that each knows of all.
"""

import fcntl
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from changeover.process.clock import now
from changeover.process.log_events import event
from predict_api import metrics

MANY: Final = 3
WITHIN_SECONDS: Final = 60.0
_MOST_KEPT: Final = 10  # of a version


class Cause(StrEnum):
    """The cause of an end."""

    TIMEOUT = "timeout"
    CRASH = "crash"
    MEMORY = "memory"


class End(msgspec.Struct, frozen=True):
    """One end; `time` is on the clock of `changeover.process.clock`, which all processes of a machine share."""

    model: str
    version: str
    cause: Cause
    time: float


class RunnerEnds:
    """The ends that the workers of one instance recorded in the file at `path`. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, end: End) -> None:
        """Add an end: to the file, the metrics and the log."""
        metrics.RUNNER_ENDS.labels(end.model, end.cause.value).inc()
        event("runner.ended", level="warning", model=end.model, version=end.version, cause=end.cause.value)
        with self._path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = _ends_in(file.fileno(), end.time)
            ends = [*before, end]
            of_version = [one for one in ends if one.version == end.version]
            if len(of_version) > _MOST_KEPT:
                ends.remove(of_version[0])
            os.ftruncate(file.fileno(), 0)
            file.write(msgspec.json.encode(ends))
        if _degraded(ends) - _degraded(before):
            event(
                "runner.degraded",
                level="error",
                model=end.model,
                version=end.version,
                causes=[one.cause.value for one in of_version],
                advice="roll back, or find the requests on which the model hangs, crashes or grows",
            )

    def degraded(self, time: float) -> dict[str, str]:
        """The version of each degraded model at `time`."""
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                return dict(sorted(_degraded(_ends_in(file.fileno(), time))))
        except FileNotFoundError:
            return {}


@dataclass(frozen=True)
class VersionEnds:
    """The ends of one version."""

    ends: RunnerEnds
    model: str
    version: str

    def __post_init__(self) -> None:
        for cause in Cause:
            metrics.RUNNER_ENDS.labels(self.model, cause.value)  # begins with 0

    def record(self, cause: Cause) -> None:
        """Add an end that happened now."""
        self.ends.record(End(self.model, self.version, cause, now()))


def _ends_in(descriptor: int, time: float) -> list[End]:
    """The ends of the last minute before `time`, in the open file."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    ends = msgspec.json.decode(content, type=list[End]) if content else []
    return [end for end in ends if time - end.time < WITHIN_SECONDS]


def _degraded(ends: list[End]) -> set[tuple[str, str]]:
    versions = [(end.model, end.version) for end in ends]
    return {version for version in versions if versions.count(version) >= MANY}

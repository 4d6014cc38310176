"""The runners of a host, one for each version that is in use or was just now; they fork a scorer for each grant."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from changeover.environments.exceptions import InvalidEnvironment
from changeover.process.clock import now
from changeover.process.log_events import event
from model_runner.messages import Failed, Prepare, Ready, close_all
from model_runner.options import Options
from model_runner.pool.environments import Zygotes
from model_runner.pool.exceptions import NotPrepared, RunnerEnded, Starved
from model_runner.pool.host_messages import Artifact, HostSettings, ScorerWanted
from model_runner.pool.runner_process import RunnerProcess
from model_runner.pool.zygotes import Zygote

TRIES: Final = 2  # the runner of an earlier grant may have ended
GetArtifact = Callable[
    [], tuple[list[int], Artifact]
]  # descriptors of memory files, which the caller owns; their sizes


@dataclass
class _Version:
    lock: threading.Lock = field(default_factory=threading.Lock)
    runner: RunnerProcess | None = None
    users: int = 0
    last_used: float = 0.0


@dataclass(frozen=True)
class Grant:
    """A scorer that was granted: its socket, and its runner."""

    key: str
    scorer: socket.socket
    runner: RunnerProcess
    shared: bool  # whether the runner may fork further scorers


class Versions:
    """The versions of one host. Thread-safe."""

    def __init__(self, zygotes: Zygotes, settings: HostSettings) -> None:
        self._zygotes, self._settings = zygotes, settings
        self._lock = threading.Lock()
        self._versions: dict[str, _Version] = {}

    def grant(self, wanted: ScorerWanted, artifact: GetArtifact) -> Grant:
        """A scorer of the version, whose bytes are requested if no runner has it.

        Raises NotPrepared, RunnerEnded, NoRunner, OSError, and the errors of `artifact`.
        """
        with self._lock:
            version = self._versions.setdefault(wanted.key, _Version())
            version.users += 1
        try:
            with version.lock:
                for left in reversed(range(TRIES)):
                    known, runner = version.runner is not None, version.runner or self._prepared(wanted, artifact)
                    if not runner.forks:
                        return Grant(wanted.key, runner.take_connection(), runner, shared=False)
                    version.runner = runner
                    try:
                        return Grant(wanted.key, runner.fork(), runner, shared=True)
                    except RunnerEnded:
                        version.runner = None
                        runner.end()
                        if not left or not known:
                            raise
            raise AssertionError("each try returns or raises")
        except BaseException:
            self._release(version, now())
            raise

    def take_back(self, grant: Grant, time: float) -> None:
        """End a grant, at `time`."""
        if not grant.shared:
            grant.runner.end()
        self._release(self._versions[grant.key], time)

    def end(self, grant: Grant) -> None:
        """End the runner of a grant, with all its scorers."""
        version = self._versions[grant.key]
        grant.runner.end()
        with version.lock:
            if version.runner is grant.runner:
                version.runner = None

    def end_idle(self, time: float) -> None:
        """End the runners that have had no scorer for the seconds of the settings, or are not among the last used."""
        with self._lock:
            idle = [version for version in self._versions.values() if not version.users and version.runner is not None]
            idle.sort(key=lambda version: version.last_used, reverse=True)
            late = time - self._settings.idle_seconds
            ending = [
                version.runner
                for place, version in enumerate(idle)
                if place >= self._settings.most_idle or version.last_used < late
            ]
            for version in idle:
                if version.runner in ending:
                    version.runner = None
            self._versions = {
                key: version for key, version in self._versions.items() if version.users or version.runner is not None
            }
        for runner in ending:
            if runner is not None:
                runner.end()

    def _release(self, version: _Version, time: float) -> None:
        with self._lock:
            version.users -= 1
            version.last_used = time
        self.end_idle(time)

    def _prepared(self, wanted: ScorerWanted, artifact: GetArtifact) -> RunnerProcess:
        """A new runner that has loaded and replayed the version."""
        try:
            zygote = self._zygotes.find(wanted.environment)
        except InvalidEnvironment as error:
            raise NotPrepared(str(error)) from error
        if zygote is None:
            raise NotPrepared(
                f"it needs the environment {wanted.environment!r}, which this instance does not have: "
                f"`changeover environment list` shows those that there are, and ENVIRONMENTS_DIR is their folder"
            )
        descriptors, sizes = artifact()
        try:
            try:
                runner, answer = self._answered(zygote, wanted, sizes, descriptors, gently=wanted.gently)
            except Starved:
                event("runner.starved", level="debug", key=wanted.key)
                runner, answer = self._answered(zygote, wanted, sizes, descriptors, gently=False)
        finally:
            close_all(descriptors)
        if isinstance(answer, Failed):
            runner.end()
            raise NotPrepared(answer.reason)
        if answer.without_twin:
            event("replica.without_twin", level="warning", key=wanted.key, reason=answer.without_twin)
        return runner

    def _answered(
        self, zygote: Zygote, wanted: ScorerWanted, sizes: Artifact, descriptors: list[int], *, gently: bool
    ) -> tuple[RunnerProcess, Ready | Failed]:
        """A new runner, and its answer to the preparation; raises NotPrepared, Starved if `gently`, and NoRunner."""
        settings = self._settings
        runner = zygote.fork(Options(settings.memory_bytes, required=settings.required, scorers=True))
        prepare = Prepare(wanted.manifest, sizes.size, sizes.twin_size, gently)
        try:
            return runner, runner.call(prepare, Ready, settings.prepare_seconds, descriptors, gently=gently)
        except Starved:
            raise
        except RunnerEnded as error:
            _log_end(wanted, runner)
            raise NotPrepared(f"it cannot be loaded: {error}") from error
        except BaseException:
            runner.end()
            raise


def _log_end(wanted: ScorerWanted, runner: RunnerProcess) -> None:
    event("runner.ended", level="error", key=wanted.key, status=runner.status, stderr=runner.stderr.text(2000))

"""The zygotes of one process, one for each environment.

An environment that was added later is found when it is needed.
"""

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from changeover.environments.environment import Environment, read_environments
from changeover.manifest.manifest import DEFAULT_ENVIRONMENT
from model_runner.options import Preload
from model_runner.pool.processes import ZygoteProcess
from model_runner.pool.watch import Watch
from model_runner.pool.zygotes import IDLE_SECONDS, Zygote, ZygoteSettings


def settings_of(environment: Environment, preload: Preload) -> ZygoteSettings:
    """The settings of the environment's zygote; `preload` has what is the same for all environments."""
    own = msgspec.structs.replace(
        preload,
        roots=list(environment.roots),
        allow_code=environment.allow_code,
        allowed_globals=str(environment.allowed_globals or ""),
    )
    return ZygoteSettings(environment.python, own)


class Zygotes:
    """The zygotes, by the names of their environments. Thread-safe."""

    def __init__(
        self,
        directory: Path | None,
        preload: Preload,
        fixed: Mapping[str, ZygoteSettings] | None = None,
        idle_seconds: float | None = IDLE_SECONDS,
        early: ZygoteProcess | None = None,
    ) -> None:
        """`directory` has the environments beside the default one; `fixed` are settings of some, in their place.

        `early` is a zygote of the default environment that was started before its settings were known.
        """
        self._early = early
        self._directory, self._preload, self._idle_seconds = directory, preload, idle_seconds
        self._fixed = dict(fixed or {})
        self._watch = Watch()
        self._lock = threading.Lock()
        self._zygotes: dict[str, tuple[ZygoteSettings, Zygote]] = {}

    def environments(self) -> dict[str, Environment]:
        """The environments that there are now; raises InvalidEnvironment."""
        return read_environments(self._directory)

    def find(self, name: str) -> Zygote | None:
        """The zygote of the environment `name`, None if there is no such environment. Raises InvalidEnvironment."""
        settings = self._fixed.get(name)
        if settings is None:
            environment = self.environments().get(name)
            if environment is None:
                return None
            settings = settings_of(environment, self._preload)
        with self._lock:
            known, zygote = self._zygotes.get(name, (None, None))
            if zygote is None or known != settings:  # one of the same name was removed and added again
                if zygote is not None:
                    zygote.close()
                zygote = Zygote(settings, self._watch, self._idle_seconds, self._take_early(name, settings))
                self._zygotes[name] = (settings, zygote)
            return zygote

    def _take_early(self, name: str, settings: ZygoteSettings) -> ZygoteProcess | None:
        """The process that was started early if it is of these settings. One that is not is ended."""
        if name != DEFAULT_ENVIRONMENT or self._early is None:
            return None
        early, self._early = self._early, None
        if settings.may_be_early:
            return early
        early.control.close()
        early.process.kill()
        early.process.wait()
        return None

    def close(self) -> None:
        """End the zygotes that have no runner."""
        for _, zygote in list(self._zygotes.values()):
            zygote.close()

    def kill(self) -> None:
        """End the zygotes and their runners."""
        for _, zygote in list(self._zygotes.values()):
            zygote.kill()

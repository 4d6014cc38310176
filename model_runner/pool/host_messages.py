"""The messages between the workers of an instance and its host, over Unix sockets in a private directory."""

from enum import StrEnum
from typing import Final

import msgspec

from model_runner.options import Preload as Preload  # noqa: PLC0414  a part of this interface
from model_runner.pool.zygotes import ZygoteSettings

LONGEST: Final = 1 << 28  # bytes of a message; a manifest is the longest part


class HostSettings(msgspec.Struct, frozen=True):
    """The settings of a host: the environments, and the limits of their runners.

    `environments_dir` has the environments beside the default one, `preload` what is the same for all of them;
    `environments` are settings of some, in their place.

    `memory_bytes` bounds the address space of each runner. `required` are the measures of confinement without which no
    runner begins. A runner without scorers ends after `idle_seconds`, and immediately if it is not among the `most_idle`
    that were used last.
    """

    environments: dict[str, ZygoteSettings]
    memory_bytes: int
    environments_dir: str = ""
    preload: Preload = Preload()
    required: list[str] = []
    prepare_seconds: float = 120.0
    idle_seconds: float = 10.0
    most_idle: int = 2
    log_level: str = "info"


class Attach(msgspec.Struct, tag=True, frozen=True):
    """From a worker: stay while this connection lasts."""


class ScorerWanted(msgspec.Struct, tag=True, frozen=True):
    """From a worker: a scorer of this version. It lasts as long as the connection.

    `gently`: requests are answered by another version meanwhile, so they have priority over its preparation.
    """

    key: str  # of the version, over all models
    environment: str
    manifest: bytes  # as JSON
    gently: bool = False


class ArtifactWanted(msgspec.Struct, tag=True, frozen=True):
    """From the host: the version is not loaded; send its bytes."""


class Artifact(msgspec.Struct, tag=True, frozen=True):
    """From a worker: the memory file with the artifact is beside this message.

    With `twin_size`, the memory file of the ONNX twin comes second: the scorers use it.
    """

    size: int
    twin_size: int = 0


class Granted(msgspec.Struct, tag=True, frozen=True):
    """From the host: the socket of a scorer is beside this message."""

    measures: dict[str, bool]


class Stuck(msgspec.Struct, tag=True, frozen=True):
    """From a worker: the scorer did not end at its deadline; end the runner with all its scorers."""


class Why(StrEnum):
    """The cause of a refusal."""

    NOT_PREPARED = "not-prepared"  # the version cannot be loaded or replayed
    NO_RUNNER = "no-runner"  # no process could be started
    NOT_CONFINED = "not-confined"  # a required measure of confinement does not hold here


class Refused(msgspec.Struct, tag=True, frozen=True):
    """From the host: there is no scorer."""

    why: Why
    reason: str


ToHost = Attach | ScorerWanted | Artifact | Stuck
FromHost = ArtifactWanted | Granted | Refused

"""The ends of runners that their callers must know, one class a cause."""

from changeover.exceptions import ChangeoverError


class RunnerEnded(ChangeoverError):
    """A runner or scorer that ended before it answered."""


class ModelTimeout(RunnerEnded):
    """The model did not answer within its deadline, and its process was killed."""


class ModelCrashed(RunnerEnded):
    """The model's process ended while it computed."""


class ModelOutOfMemory(RunnerEnded):
    """The model needs more memory than RUNNER_MEMORY_BYTES."""


class Starved(RunnerEnded):
    """A preparation of the lowest priority for which the processor has no time; its process was ended."""


class NotPrepared(ChangeoverError):
    """A version that its runner cannot load or replay; the message says why."""


class NoRunner(ChangeoverError):
    """No runner can be started: the message says why. The model is not the cause."""


class NotConfined(NoRunner):
    """Measures of confinement that REQUIRE_CONFINEMENT requires do not hold on this system; the message names them."""

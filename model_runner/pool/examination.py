"""Examinations of artifacts for admission, each in a runner of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec

from model_runner.calls.task import Task
from model_runner.memory_file import sealed_copy
from model_runner.messages import Examine, Export, Exported, Failed, Survey, Surveyed, Verdict
from model_runner.options import Options, Preload
from model_runner.pool.exceptions import ModelCrashed, ModelTimeout, NoRunner, RunnerEnded
from model_runner.pool.runner_process import RunnerProcess
from model_runner.pool.watch import Watch
from model_runner.pool.zygotes import IDLE_SECONDS, Zygote, ZygoteSettings

__all__ = [
    "IDLE_SECONDS",
    "Examination",
    "Examinations",
    "ModelCrashed",
    "ModelTimeout",
    "NoRunner",
    "Options",
    "Preload",
    "RunnerEnded",
    "Task",
    "ZygoteSettings",
    "sealed_copy",
]
NICE: Final = 10  # responses to requests have priority over an examination


class Examinations:
    """The zygotes of the environments, one for each, which end when idle. Thread-safe."""

    def __init__(self, environments: Mapping[str, ZygoteSettings], idle_seconds: float = IDLE_SECONDS) -> None:
        watch = Watch()
        self._zygotes = {name: Zygote(settings, watch, idle_seconds) for name, settings in environments.items()}

    @contextmanager
    def open(self, environment: str, options: Options) -> Iterator["Examination"]:
        """A confined runner of `environment`; it ends with the context. Raises NoRunner or OSError."""
        runner = self._zygotes[environment].fork(options)
        try:
            yield Examination(runner)
        finally:
            runner.end()

    def close(self) -> None:
        """End the zygotes that have no runner.

        A running examination ends with this process. Ending it here would look like a failed artifact.
        """
        for zygote in self._zygotes.values():
            zygote.close()


class Examination:
    """The calls to one runner, each with the seconds that it may take. They raise ModelTimeout or ModelCrashed."""

    def __init__(self, runner: RunnerProcess) -> None:
        self._runner = runner

    def survey(self, artifact: int, size: int, unpacked_bytes: int, seconds: float) -> bytes:
        """What the artifact in the memory file `artifact` names, as JSON; nothing of it is loaded."""
        answer = self._runner.call(Survey(size, unpacked_bytes), Surveyed, seconds, [artifact])
        return _whole(answer).body

    def examine(self, artifact: int, task: Task, seconds: float) -> bytes:
        """The verdict on the artifact, as JSON."""
        answer = self._runner.call(Examine(msgspec.json.encode(task)), Verdict, seconds, [artifact])
        return _whole(answer).body

    def export(self, seconds: float) -> tuple[bytes, bytes]:
        """The description of the ONNX twin of the examined model, as JSON, and its bytes, empty without a twin."""
        answer = _whole(self._runner.call(Export(), Exported, seconds))
        return answer.description, answer.twin

    @property
    def status(self) -> int | None:
        """The exit status of a runner that has ended."""
        return self._runner.status

    def stderr(self, most: int, seconds: float = 5.0) -> str:
        """The last bytes of what the ended runner wrote to its standard error."""
        self._runner.stderr.ended.wait(seconds)
        return self._runner.stderr.text(most)


Answer = TypeVar("Answer", Surveyed, Verdict, Exported)


def _whole(answer: Answer | Failed) -> Answer:
    if isinstance(answer, Failed):
        raise ModelCrashed(answer.reason)
    return answer

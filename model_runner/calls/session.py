"""One runner's work: the artifact that it examined or prepared, from call to call."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from changeover.artifact.refusal import of_a_bundle
from changeover.artifact.skops_file import classes_in, is_skops
from changeover.artifact.survey import survey
from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from model_runner.calls import examine, prepare
from model_runner.calls.task import Task
from model_runner.memory_file import content_of
from model_runner.messages import Failed, Prepare, Ready, Survey
from model_runner.options import Options, Preload

if TYPE_CHECKING:
    from model_runner.scorer import Scoring


_SKOPS: Final = "skops.io.load"  # a name of the package that reads such files


class Session:
    """The state of one runner. Its methods run the model's own code."""

    def __init__(self, preload: Preload, options: Options) -> None:
        self._preload, self._options = preload, options
        self._examined: examine.Examined | None = None
        self._scoring: Scoring | None = None
        warnings.simplefilter("ignore")  # a verdict has the warnings for the publisher

    def survey(self, buffer: bytes, request: Survey) -> bytes:
        """What the artifact names, as JSON; nothing of it is loaded or called.

        Without names if it cannot be read; the examination says why.
        """
        try:
            if is_skops(buffer):
                classes = [f"{module}.{name}" for module, name in classes_in(buffer, request.unpacked_bytes)]
                return _json({"globals": [*classes, _SKOPS]})
            found = survey(buffer, request.unpacked_bytes)
        except (ChangeoverError, RecursionError, MemoryError):
            return _json({})
        names: JsonObject = {"globals": list(found.globals), "sklearn": list(found.sklearn)}
        return _json({**names, "bundle": of_a_bundle(found)})

    def examine(self, descriptor: int, encoded_task: bytes) -> bytes:
        """The verdict of admission, as JSON; `sha256` is that of the examined bytes."""
        task = msgspec.json.decode(encoded_task, type=Task)
        try:
            buffer = content_of(descriptor, task.size)
            examined = examine.examine(buffer, task, self._preload)
            members = examined.members if isinstance(examined, examine.Examined) else examined
            if isinstance(examined, examine.Examined):
                self._examined = examined
            return _json({**members, "sha256": hashlib.sha256(buffer).hexdigest()})
        except MemoryError:
            return _json({"refused": examine.TOO_LARGE.format(memory=self._options.memory_bytes)})

    def export(self) -> tuple[bytes, bytes]:
        """The description of the ONNX twin of the examined model, as JSON, and its bytes, empty without a twin."""
        from model_runner.calls.export import twin_of

        if self._examined is None:
            return _json({"absent": "no model was admitted"}), b""
        description, twin = twin_of(self._examined)
        return _json(description), twin

    def prepare(self, files: Sequence[bytes], request: Prepare) -> Ready | Failed:
        """Load a version, replay its golden rows and warm up; then `scoring` has it.

        `files` has the artifact, and the ONNX twin if the scorers use it.
        """
        prepared = prepare.prepared(files, json.loads(request.manifest), self._preload)
        if isinstance(prepared, Failed):
            return prepared
        self._scoring = prepared
        return Ready(prepared.without_twin)

    def scoring(self) -> "Scoring":
        """The prepared version; a call before `prepare` ends the runner."""
        if self._scoring is None:
            raise SystemExit("no version is prepared")
        return self._scoring


def _json(body: JsonObject) -> bytes:
    return json.dumps(body, allow_nan=False).encode()

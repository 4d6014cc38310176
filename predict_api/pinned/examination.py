"""The examination of the pinned artifact: once for an instance, by a confined runner, as admission does it.

The first worker that gets the lock examines. Manifest and ONNX twin stay in a private folder for the other workers, and
for a worker that replaces one of them.
"""

import json
from pathlib import Path
from typing import Final

from filelock import FileLock

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.process.atomic_file import write_atomically
from changeover.process.log_events import event
from model_runner.admission.examiner import Examiner, Limits, Refused
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.settings import PredictSettings

_MANIFEST: Final = "manifest.json"
_TWIN: Final = "twin.onnx"
_REFUSED: Final = "refused.txt"
_READY: Final = "ready-"


class Examination:
    """The results of the examination, in a folder that the workers of an instance share."""

    def __init__(self, settings: PredictSettings, directory: Path) -> None:
        """`directory` is private to this instance."""
        self._settings = settings
        self._folder = directory / "pinned"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._all_ready = False

    @property
    def done(self) -> bool:
        """Whether the artifact was examined and admitted."""
        return (self._folder / _MANIFEST).exists()

    def manifest(self, file: PinnedFile) -> Manifest:
        """The manifest of the artifact; the first call examines it.

        Raises ArtifactRefused, CannotExamine, InvalidSetting or OSError.
        """
        with FileLock(self._folder / "lock"):
            if self.done:
                return Manifest.from_json(json.loads((self._folder / _MANIFEST).read_bytes()))
            manifest, twin = self._examine(file)
            write_atomically(self._folder / _TWIN, twin)
            write_atomically(self._folder / _MANIFEST, json.dumps(manifest.to_json()).encode())
            return manifest

    def twin(self, _manifest: Manifest, _expected: str) -> bytes:
        """The bytes of the ONNX twin, unverified; raises ArtifactUnavailable."""
        try:
            return (self._folder / _TWIN).read_bytes()
        except OSError as error:
            raise ArtifactUnavailable(f"the ONNX twin cannot be read: {error}") from error

    def add_ready(self, worker: str) -> None:
        """Record that the worker of this name answers."""
        write_atomically(self._folder / f"{_READY}{worker}", b"")

    def all_ready(self) -> bool:
        """Whether all workers have answered once: any of them may get the request after a probe."""
        if not self._all_ready:
            self._all_ready = len([*self._folder.glob(f"{_READY}*")]) >= self._settings.workers
        return self._all_ready

    def refuse(self, reason: str) -> None:
        """Record why this instance cannot serve the artifact."""
        write_atomically(self._folder / _REFUSED, reason.encode())

    def _examine(self, file: PinnedFile) -> tuple[Manifest, bytes]:
        settings, described = self._settings, file.described()
        limits = Limits(
            timeout_s=settings.admission_timeout,
            memory_bytes=settings.admission_memory_bytes,
            max_columns=settings.max_columns,
            twins=settings.runtime == "onnx",
            require_confinement=settings.require_confinement,
        )
        examiner = Examiner(limits, frozenset(settings.extra_globals), settings.environments_dir)
        try:
            provenance: JsonObject = {"source": "file", "name": file.path.name}
            verdict = examiner.examine(
                settings.default_model, file.path, described.draft, provenance, expected=file.version
            )
        finally:
            examiner.close()
        if isinstance(verdict, Refused):
            raise ArtifactRefused(verdict.reason)
        manifest = described.completed(verdict.manifest)
        event("pinned.examined", model=manifest.model, version=manifest.version, twin=manifest.twin)
        return manifest, verdict.twin


def refusal(directory: Path) -> str:
    """Why the instance of `directory` could not serve its artifact; empty if it could, or has none."""
    try:
        return (directory / "pinned" / _REFUSED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""

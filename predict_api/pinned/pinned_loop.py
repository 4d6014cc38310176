"""The preparation of the pinned artifact in one worker: one step, repeated only while the file cannot be read."""

import os
import signal
from typing import Final

from changeover.process.clock import now as clock_now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.wire import Current
from predict_api.exceptions import ArtifactUnavailable
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.pinned.examination import Examination
from predict_api.preparation.placement import Preparer, reason_of
from predict_api.replica.replica import Replica
from predict_api.upstream.freshness_check import CheckAnswer

RETRY_SECONDS: Final = 0.5
SEQUENCE: Final = 1  # a pinned artifact is the first and only version of its model


class PinnedPreparation(Loop):
    """The preparation of the pinned artifact. An artifact that cannot be served ends the instance."""

    def __init__(self, replica: Replica, file: PinnedFile, examination: Examination, preparer: Preparer) -> None:
        super().__init__("prepare-pinned")
        self._replica, self._file, self._examination, self._preparer = replica, file, examination, preparer

    def run_once(self, now: float) -> float | None:
        """Examine, load and activate the artifact; returns the seconds until the next attempt, or None."""
        current = CheckAnswer(Current(SEQUENCE, self._file.version), None, 0.0, "")
        self._replica.on_answer(current, now)  # the replica keeps only versions that it knows to be current
        try:
            manifest = self._examination.manifest(self._file)
            prepared = self._preparer.prepared(manifest, self._file.read)
        except ArtifactUnavailable as error:
            event("prepare.waits", level="warning", model=self._replica.model, reason=str(error))
            return RETRY_SECONDS
        except Exception as error:  # noqa: BLE001 a model's own code may raise anything while it loads or predicts
            reason = reason_of(error)
            self._replica.fail(self._file.version, reason, clock_now())
            self._examination.refuse(reason)
            os.kill(os.getppid(), signal.SIGTERM)  # the first process ends the workers, and says why
            return None
        self._replica.add(prepared)
        self._replica.on_answer(current, now)
        self._examination.add_ready(str(os.getpid()))
        event("replica.prepared", model=manifest.model, version=manifest.version, bytes=manifest.size)
        return None

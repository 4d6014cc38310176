"""Placement of a version: a model process loads a large one for all workers; each worker loads a small one itself.

A small version scores faster in a worker's own memory, and takes little of it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.request.reader import RequestReader
from changeover.schema.schema import Schema
from predict_api.model_process.client import ModelProcesses, VersionBytes
from predict_api.model_process.remote_scorer import RemoteScorer, SharedVersion
from predict_api.scoring.interfaces import Prepared
from predict_api.scoring.loading import Loader, TwinOf
from predict_api.scoring.onnx_scorer import is_onnx_version, prepared_onnx


@dataclass(frozen=True)
class Preparer:
    """The preparer of versions, in this process or in a model process, by the size of their artifacts."""

    loader: Loader
    processes: ModelProcesses
    share_bytes: int
    twin_of: TwinOf

    def prepared(
        self, manifest: Manifest, artifact: Callable[[], bytes], again: Callable[[], bytes] | None = None
    ) -> Prepared:
        """The version that `manifest` describes, ready to answer; raises any error of the version.

        `artifact` returns its verified bytes. `again` (default: `artifact`) returns them for a replacement of a model
        process that has ended.
        """
        if is_onnx_version(manifest):
            return prepared_onnx(artifact(), manifest)
        if manifest.size < self.share_bytes or sys.platform != "linux":
            return self.loader.prepared(artifact(), manifest)
        schema = Schema.from_json(manifest.schema)
        twin = partial(self.twin_of, manifest)
        try:
            version = SharedVersion(
                self.processes, manifest, VersionBytes(artifact, twin), VersionBytes(again or artifact, twin)
            )
        except OSError as error:
            event(
                "model_process.unavailable",
                level="warning",
                model=manifest.model,
                version=manifest.version,
                reason=str(error),
            )
            return self.loader.prepared(artifact(), manifest)
        return Prepared(manifest, RemoteScorer(version, schema), RequestReader(schema))

"""Which versions are loaded by a holder, once for all workers, and which by each worker itself: large ones and the rest.

A small version is answered faster from a worker's own memory, and costs little there.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.request.reader import RequestReader
from changeover.schema.schema import Schema
from predict_api.model_process.client import Bytes, Holders
from predict_api.model_process.remote_scorer import ByHolder, SharedVersion
from predict_api.scoring.interfaces import Prepared
from predict_api.scoring.loading import Assembly, TwinOf


@dataclass(frozen=True)
class Preparer:
    """Makes versions of one model ready, here or in a holder, by the size of their artifacts."""

    assembly: Assembly
    holders: Holders
    share_bytes: int
    twin_of: TwinOf

    def prepared(
        self, manifest: Manifest, artifact: Callable[[], bytes], again: Callable[[], bytes] | None = None
    ) -> Prepared:
        """The version that `manifest` describes, ready to answer; raises whatever is wrong with it.

        `artifact` gives its bytes, hashed, now; `again` (or `artifact`) when what has loaded them has ended.
        """
        if manifest.size < self.share_bytes or sys.platform != "linux":
            return self.assembly.prepared(artifact(), manifest)
        schema = Schema.from_json(manifest.schema)
        try:
            version = SharedVersion(
                self.holders,
                manifest,
                Bytes(artifact, partial(self.twin_of, manifest)),
                Bytes(again or artifact, partial(self.twin_of, manifest)),
            )
        except OSError as error:
            event(
                "holder.unavailable", level="warning", model=manifest.model, version=manifest.version, reason=str(error)
            )
            return self.assembly.prepared(artifact(), manifest)
        return Prepared(
            manifest.version,
            ByHolder(version, [column.name for column in schema.columns]),
            schema,
            manifest,
            RequestReader(schema),
        )

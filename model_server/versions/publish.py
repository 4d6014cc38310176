"""Publishing: it turns an upload into a version, or rejects it with the reason.

`POST /models/{m}/versions` and the drop zone both use it. A confined child process examines the upload. Then publishing
writes the artifact, and the manifest last. The same bytes again are the same version.
"""

from dataclasses import dataclass

from changeover.exceptions import UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft, Manifest
from changeover.names import check_model_name
from changeover.process import log_events
from changeover.process.clock import now, utc_now
from model_server import metrics
from model_server.admission.examiner import NO_ENVIRONMENT, Examiner, Refused
from model_server.exceptions import NoEnvironmentThere, UploadIncomplete, VersionRejected
from model_server.versions.spool import Spooled
from model_server.versions.versions import Rejection, Versions


@dataclass(frozen=True)
class Published:
    """A published version; `created` is False if it existed before."""

    manifest: Manifest
    created: bool


class Publisher:
    """The publisher of spooled uploads. Thread-safe; two uploads of the same bytes become one version."""

    def __init__(self, versions: Versions, examiner: Examiner) -> None:
        self._versions = versions
        self._examiner = examiner

    def publish(
        self, model: str, spooled: Spooled, draft: Draft, provenance: JsonObject, expected: str | None = None
    ) -> Published:
        """Publish a spooled upload.

        `expected` is the version from the sender's digest. Raises UploadIncomplete, VersionRejected or StoreError.
        """
        check_model_name(model)
        if expected is not None and expected != spooled.version:
            raise UploadIncomplete(
                f"the digest that came with the upload is {expected}, its {spooled.size} bytes hash to "
                f"{spooled.version}: it was changed or cut off on its way; send it again"
            )
        try:
            known = self._versions.manifest(model, spooled.version)
        except UnknownVersion:
            return self._admit(model, spooled, draft, provenance)
        metrics.PUBLISHES.labels(model, "known").inc()
        return Published(known, created=False)

    def _admit(self, model: str, spooled: Spooled, draft: Draft, provenance: JsonObject) -> Published:
        began = now()
        verdict = self._examiner.examine(model, spooled.path, draft, provenance)
        if isinstance(verdict, Refused):
            raise self._reject(model, spooled, provenance, verdict)
        manifest = verdict.manifest
        if manifest.version != spooled.version:
            raise UploadIncomplete(
                f"the spooled upload hashed to {spooled.version}, and to {manifest.version} when it was examined: "
                f"something else writes in SPOOL_DIR, or the disk fails; send it again"
            )
        stored = self._versions.add(spooled, manifest, verdict.twin)
        metrics.PUBLISHES.labels(model, "admitted").inc()
        log_events.event(
            "version.admitted",
            model=model,
            version=spooled.version,
            size=spooled.size,
            source=provenance.get("source"),
            warnings=manifest.warnings,
            twin=manifest.twin,
            took_ms=round((now() - began) * 1000),
        )
        return Published(stored, created=True)

    def _reject(self, model: str, spooled: Spooled, provenance: JsonObject, refused: Refused) -> VersionRejected:
        reason = refused.reason
        name = str(provenance.get("name") or f"{spooled.version}.joblib")
        rejection = Rejection(
            model=model, name=name, version=spooled.version, size=spooled.size, created_at=utc_now(), reason=reason
        )
        kept = self._versions.reject(spooled, rejection)
        metrics.PUBLISHES.labels(model, "rejected").inc()
        log_events.event(
            "version.rejected",
            level="warning",
            model=model,
            version=spooled.version,
            name=kept.name,
            source=provenance.get("source"),
            reason=reason,
        )
        kind = NoEnvironmentThere if refused.kind == NO_ENVIRONMENT else VersionRejected
        return kind(f"{kept.name!r} was rejected: {reason}", kept.to_json())

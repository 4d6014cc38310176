"""Publishing: it turns an upload into a version, or rejects it with the reason.

`POST /models/{m}/versions` and the drop zone both use it. A confined child process examines the upload. Then publishing
writes the artifact, and the manifest last. The same bytes again are the same version; what their draft adds becomes a new
manifest of it (`model_server/versions/additions.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from changeover.exceptions import UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.compatibility import compare
from changeover.manifest.manifest import Draft, Manifest
from changeover.names import check_model_name, short
from changeover.process import log_events, tracing
from changeover.process.clock import now, utc_now
from model_runner.admission.examiner import NO_ENVIRONMENT, Admitted, Examiner, Refused
from model_server import metrics
from model_server.exceptions import (
    NoEnvironmentThere,
    UpdateBreaks,
    UpdateOvertaken,
    UpdateRefused,
    UploadIncomplete,
    VersionRejected,
)
from model_server.versions.additions import Additions, additions
from model_server.versions.spool import Spooled
from model_server.versions.version_index import Rejection
from model_server.versions.versions import Versions

_UPDATE_TRIES: Final = 5  # each fails only if another publish of the same bytes added something meanwhile


@dataclass(frozen=True)
class Published:
    """A published version; `created` is False if it existed before, `updated` has what was added to its manifest then.

    `returned`: its bytes had been removed, and are there again.
    """

    manifest: Manifest
    created: bool
    updated: tuple[str, ...] = ()
    returned: bool = False


class Publisher:
    """The publisher of spooled uploads. Thread-safe; two uploads of the same bytes become one version.

    `in_use` says whether a version of a model is current or about to be.
    """

    def __init__(self, versions: Versions, examiner: Examiner, in_use: Callable[[str, str], bool]) -> None:
        self._versions = versions
        self._examiner = examiner
        self._in_use = in_use

    def publish(
        self, model: str, spooled: Spooled, draft: Draft, provenance: JsonObject, expected: str | None = None
    ) -> Published:
        """Publish a spooled upload.

        `expected` is the version from the sender's digest. Raises UploadIncomplete, VersionRejected or StoreError; for
        the bytes of a version that exists ManifestContradicted, UpdateRefused, UpdateBreaks or UpdateOvertaken.
        """
        check_model_name(model)
        with tracing.span("upload", {"changeover.model": model, "changeover.version": spooled.version}):
            return self._publish(model, spooled, draft, provenance, expected)

    def _publish(
        self, model: str, spooled: Spooled, draft: Draft, provenance: JsonObject, expected: str | None
    ) -> Published:
        if expected is not None and expected != spooled.version:
            raise UploadIncomplete(
                f"the digest that came with the upload is {expected}, its {spooled.size} bytes hash to "
                f"{spooled.version}: it was changed or cut off on its way; send it again"
            )
        try:
            known = self._versions.manifest(model, spooled.version)
        except UnknownVersion:
            return self._admit(model, spooled, draft, provenance)
        if self._versions.tombstones.published(model, spooled.version):
            published = self._return(model, spooled, draft, str(provenance.get("by") or provenance.get("source") or ""))
        else:
            published = Published(known, created=False) if draft == Draft() else self._update(model, spooled, draft)
        metrics.PUBLISHES.labels(model, "updated" if published.updated else "known").inc()
        return published

    def _update(self, model: str, spooled: Spooled, draft: Draft) -> Published:
        """Add what `draft` says to the manifest of a version that exists."""
        for _ in range(_UPDATE_TRIES):
            number, stored = self._versions.newest_manifest(model, spooled.version)
            added = additions(stored, draft)
            if not added.members:
                return Published(stored, created=False)
            examined, twin = self._examined_again(stored, spooled, added) if added.examine else (stored, b"")
            manifest = added.applied(stored, examined, utc_now())
            if self._in_use(model, spooled.version):
                _refuse_breaking(stored, manifest)
            if self._versions.update(manifest, number, twin):
                log_events.event(
                    "version.updated", model=model, version=spooled.version, members=added.members, number=number + 1
                )
                return Published(manifest, created=False, updated=added.members)
        raise _overtaken(model, spooled.version)

    def _return(self, model: str, spooled: Spooled, draft: Draft, by: str) -> Published:
        """Bring back a version whose bytes were removed: it is examined again, since its ONNX twin is gone, too."""
        tombstones, version = self._versions.tombstones, spooled.version
        for _ in range(_UPDATE_TRIES):
            number, stored = self._versions.newest_manifest(model, version)
            added = additions(stored, draft)
            examined, twin = self._examined_again(stored, spooled, added)
            manifest = added.applied(stored, examined, utc_now())
            with tombstones.locks.held((model, version)):
                if not tombstones.stands(model, version):  # another publish brought it back meanwhile
                    return self._update(model, spooled, draft)
                if self._versions.add_again(spooled, manifest, twin, number, by):
                    log_events.event(
                        "version.returned",
                        model=model,
                        version=version,
                        by=by,
                        size=spooled.size,
                        members=added.members,
                    )
                    manifest = self._versions.manifest(model, version)
                    return Published(manifest, created=False, updated=added.members, returned=True)
        raise _overtaken(model, version)

    def _examined_again(self, stored: Manifest, spooled: Spooled, added: Additions) -> tuple[Manifest, bytes]:
        """The manifest and the ONNX twin by another examination; raises UpdateRefused."""
        verdict = self._examiner.examine(stored.model, spooled.path, added.draft, stored.provenance)
        if isinstance(verdict, Refused):
            raise UpdateRefused(
                f"version {short(stored.version)} of {stored.model!r} stays as it is, "
                f"{f'with the new {parts}' if (parts := ' and '.join(added.members)) else 'examined again'} it was refused: "
                f"{verdict.reason}"
            )
        return _of_these_bytes(verdict, spooled), verdict.twin

    def _admit(self, model: str, spooled: Spooled, draft: Draft, provenance: JsonObject) -> Published:
        began = now()
        verdict = self._examiner.examine(model, spooled.path, draft, provenance)
        if isinstance(verdict, Refused):
            raise self._reject(model, spooled, provenance, verdict)
        manifest = _of_these_bytes(verdict, spooled)
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


def _of_these_bytes(verdict: Admitted, spooled: Spooled) -> Manifest:
    """The manifest of the verdict; raises UploadIncomplete if other bytes than the spooled ones were examined."""
    manifest = verdict.manifest
    if manifest.version != spooled.version:
        raise UploadIncomplete(
            f"the spooled upload hashed to {spooled.version}, and to {manifest.version} when it was examined: "
            f"something else writes in SPOOL_DIR, or the disk fails; send it again"
        )
    return manifest


def _overtaken(model: str, version: str) -> UpdateOvertaken:
    return UpdateOvertaken(
        f"other publishes of version {short(version)} of {model!r} changed its manifest {_UPDATE_TRIES} times meanwhile; "
        f"send it again"
    )


def _refuse_breaking(stored: Manifest, manifest: Manifest) -> None:
    """Raise UpdateBreaks if the next manifest of the current version refuses requests that it takes now."""
    diff = compare(stored, manifest)
    if not diff.compatible:
        raise UpdateBreaks(
            f"version {short(stored.version)} of {stored.model!r} is current, and the new schema breaks its consumers: "
            f"{'; '.join(change.says for change in diff.breaking)}. Nothing was changed; roll another version first, or "
            f"publish under another model name",
            {"diff": diff.to_json()},
        )

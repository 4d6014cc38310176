"""The startup loop: it reads the ledger, admits waiting uploads, rolls the version that should be current.

`model_server/intake/startup.py` decides. After the start, the loop polls `incoming/`. The HTTP server answers freshness
checks as soon as the ledger is read.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from changeover.exceptions import ChangeoverError
from changeover.process import log_events
from changeover.process.clock import now
from changeover.process.loop import Loop
from changeover.protocol.lease import MARGIN
from model_server.background.audit_loop import Audit
from model_server.background.store_failures import StoreFailures
from model_server.backoff import Backoff
from model_server.exceptions import PinUnavailable, RecordUnreadable, RolloutUnderWay, RollRefused, VersionRemoved
from model_server.intake.drop_zone import DropZone
from model_server.intake.pinned import Pin
from model_server.intake.startup import Upload, decide, pending_upload
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.ledger.takeover import Takeover
from model_server.problems import Problems, Topic
from model_server.rollouts.model_state import Models
from model_server.rollouts.promotion import RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.versions.versions import Versions
from object_store.bucket import Bucket
from object_store.exceptions import StoreError

RollIncoming = Literal["at-start", "at-once", "never"]
_BY = "model_server"


class Background(Loop):
    """The background loop of model_server. It writes its failures into `problems`, for `/readyz`."""

    def __init__(
        self,
        bucket: Bucket,
        models: Models,
        ledger: Ledger,
        versions: Versions,
        rollouts: Rollouts,
        drop_zone: DropZone,
        pin: Pin | None,
        roll_incoming: RollIncoming,
        poll_s: float,
        audit: Audit,
        problems: Problems,
    ) -> None:
        super().__init__("background")
        self._bucket = bucket
        self._models = models
        self._ledger = ledger
        self._versions = versions
        self._rollouts = rollouts
        self._drop_zone = drop_zone
        self._pin = pin
        self._roll_incoming = roll_incoming
        self._poll_s = poll_s
        self._failures = StoreFailures(now)
        self._audit = audit
        self._problems = problems
        self._stages = self._all_stages()
        self._began = now()
        self._entries: dict[str, Rollout] | None = None  # the newest entries, when the ledgers have been read
        self._takeovers: dict[str, Takeover] = {}

    def stop(self, wait_s: float = 0.0) -> None:
        """End this loop and the audit; waits for this one, `wait_s` at most."""
        super().stop(wait_s)
        self._audit.stop()

    def run_once(self, _now: float) -> float:
        """Run the stage that is due; returns the seconds until the next step."""
        return next(self._stages)

    def _all_stages(self) -> Iterator[float]:
        """Run the stages one after the other; yields the seconds of each wait."""
        for name, stage in (("load", self._read), ("load", self._take_over), ("decide", self._decide)):
            backoff = Backoff(first_s=0.1, longest_s=2.0)
            while not self._succeeds(stage, name):
                yield backoff.pause_s()
            if stage == self._read:
                yield self._old_leases_s()
        self._audit.start()
        while True:
            yield self._poll_s
            self._succeeds(self._watch, "watch")

    def _succeeds(self, stage: Callable[[], None], name: str) -> bool:
        try:
            stage()
        except StoreError as error:
            self._problems.set(Topic.STORE, str(error))
            self._failures.failed(error)
            return False
        except ChangeoverError as error:
            self._problems.set(Topic.STAGE, str(error), name)
            log_events.event("background.failed", level="error", stage=name, reason=str(error))
            return True
        self._problems.clear(Topic.STORE)
        self._failures.recovered()
        return True

    def _read(self) -> None:
        """Read the ledgers."""
        self._bucket.ensure()
        entries: dict[str, Rollout] = {}
        for model in self._ledger.models():
            newest = self._newest(model)
            if newest is not None:
                entries[model] = newest
        for model in self._versions.models():
            self._models.get(model)
        self._takeovers = {model: self._ledger.succeed(entry) for model, entry in entries.items()}
        self._entries = entries

    def _old_leases_s(self) -> float:
        """The seconds until all leases on entries older than the newest are over."""
        waits = {model: takeover.lease_ms for model, takeover in self._takeovers.items() if takeover.wait}
        if waits:
            log_events.event("startup.waits", level="warning", lease_ms=waits)
        return max(waits.values(), default=0) / 1000 * (1 + MARGIN)

    def _take_over(self) -> None:
        """Take over from the previous run. Freshness checks are answered from then on, before the decision."""
        if self._entries is None:
            return
        for model, takeover in self._takeovers.items():
            if takeover.wait:
                self._ledger.settle(self._entries[model], takeover.lease_ms)
        self._models.loaded(self._entries, {model: takeover.lease_ms for model, takeover in self._takeovers.items()})
        current = {model: entry.current.etag for model, entry in self._entries.items()}
        log_events.event("ledger.read", current=current, took_ms=round((now() - self._began) * 1000))

    def _newest(self, model: str) -> Rollout | None:
        """The newest entry, or the last readable one. Reports a damaged ledger. Raises StoreError."""
        try:
            newest = self._ledger.newest(model)
        except RecordUnreadable as error:
            self._models.get(model)
            self._audit.damaged(model, str(error))
            return self._ledger.last_good(model)
        self._audit.report_stray(model)
        if newest is None and self._ledger.stray(model) is None:
            self._audit.miss(model, "its hint is in the bucket, but no entry of its ledger")
        return newest

    def _decide(self) -> None:
        """Admit the uploads in the drop zone, then roll each model to the version that should be current."""
        self._drop_zone.look()
        names = {state.name for state in self._models.all()} | ({self._pin.model} if self._pin else set())
        for model in sorted(names):
            pinned = self._pin.version if self._pin and self._pin.model == model else None
            upload = None if self._roll_incoming == "never" else self._pending(model)
            decision = decide(self._models.get(model).current, pinned, upload)
            log_events.event("startup.decided", model=model, version=decision.version, reason=decision.reason)
            if decision.version is None:
                continue
            try:
                if pinned is not None and self._pin is not None:
                    self._pin.ensure(self._versions)
                self._rollouts.begin(model, decision.version, RollRequest(_BY, decision.reason))
            except (RollRefused, VersionRemoved) as error:
                self._refuse(model, decision.version, decision.reason, error)
            except PinUnavailable as error:
                self._problems.set(Topic.PIN, str(error))
                log_events.event("pin.failed", level="error", model=model, version=decision.version, reason=str(error))
                self._rollouts.refuse(model, decision.version, RollRequest(_BY, decision.reason), str(error))

    def _refuse(self, model: str, version: str, reason: str, error: RollRefused | VersionRemoved) -> None:
        """Record the refused roll of an upload in the model's rollouts, once for all starts, and on `/readyz`."""
        refusal = (version, str(error))
        if refusal not in {(record.version, record.reason) for record in self._rollouts.aborted.all(model)}:
            self._rollouts.refuse(model, version, RollRequest(_BY, reason), str(error))
        self._problems.set(Topic.ROLLOUT, str(error), model)

    def _pending(self, model: str) -> Upload | None:
        rolled = (entry.current for entry in self._ledger.entries(model))
        return pending_upload(self._drop_zone.marks(model), rolled)

    def _watch(self) -> None:
        admitted = self._drop_zone.look()
        if self._roll_incoming != "at-once":
            return
        newest = {upload.model: upload for upload in sorted(admitted, key=lambda upload: upload.uploaded_at)}
        for model, upload in newest.items():
            reason = f"uploaded to incoming/ as {upload.name!r}"
            try:
                self._rollouts.begin(model, upload.version, RollRequest(_BY, reason))
            except (RollRefused, VersionRemoved) as error:
                self._refuse(model, upload.version, reason, error)
            except RolloutUnderWay as error:
                log_events.event("incoming.not_rolled", level="warning", model=model, reason=str(error))

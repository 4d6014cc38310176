"""What may become current: a version whose figures pass the gate.

Carries "Refused rolls: ... 422 incompatible, each with what to do". A rollback and a pinned version are the operator's
emergency exits: neither is asked anything.
"""

from dataclasses import dataclass, replace

from changeover import gate, log_events
from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.gate import Condition
from changeover.identity import short
from changeover.manifest import Manifest
from model_server.exceptions import GateRefused, RollRefused
from model_server.versions import Versions


@dataclass(frozen=True)
class Asked:
    """Who wants a version current, why, and what need not be asked of it; `exempt` is a rollback."""

    by: str
    reason: str
    allow_schema_change: bool = False
    skip_gate: bool = False
    exempt: bool = False


@dataclass(frozen=True)
class Promotion:
    """The rules of this server: the conditions of `GATE`."""

    versions: Versions
    conditions: tuple[Condition, ...] = ()

    def examine(self, model: str, version: str, current: str | None, asked: Asked) -> Asked:
        """`asked` with the reason that the ledger keeps, if `version` may follow `current` (None: it is the first).

        Raises RollRefused, UnknownVersion or StoreError.
        """
        candidate = self.versions.manifest(model, version)
        if asked.exempt or version == current:
            return asked
        try:
            remarks = [self._pass_gate(candidate, current, asked)]
        except RollRefused as error:
            log_events.event(
                "rollout.refused", level="warning", model=model, version=version, by=asked.by, reason=str(error)
            )
            raise
        return replace(asked, reason="; ".join([asked.reason, *(remark for remark in remarks if remark)]))

    def _pass_gate(self, candidate: Manifest, current: str | None, asked: Asked) -> str:
        """What the ledger is to say of the gate; raises GateRefused."""
        if not self.conditions:
            return ""
        if asked.skip_gate:
            return "gate skipped"
        before = self._manifest(candidate.model, current)
        findings = gate.judge(self.conditions, candidate, before, replaces=current)
        failed = [finding for finding in findings if not finding.passed]
        if failed:
            raise GateRefused(
                f"version {short(candidate.version)} of {candidate.model!r} does not pass the gate "
                f"{', '.join(map(str, self.conditions))}: {'; '.join(finding.says for finding in failed)}. Publish a "
                f"version that does, or roll this one past the gate (skip_gate, --skip-gate)",
                gate.refused(findings),
            )
        return gate.said(findings)

    def _manifest(self, model: str, version: str | None) -> Manifest | None:
        """The manifest of what is current; None if there is none, or the bucket has lost it."""
        try:
            return None if version is None else self.versions.manifest(model, version)
        except (UnknownVersion, InvalidManifest) as error:
            log_events.event("rollout.not_compared", level="warning", model=model, version=version, reason=str(error))
            return None

"""The checks before a roll: the new schema accepts every request that was valid before, and the metrics pass the gate.

A rollback and a pinned version are exempt: they are the operator's emergency exits.
"""

from dataclasses import dataclass, replace
from typing import Final

from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.manifest import gate
from changeover.manifest.compatibility import compare
from changeover.manifest.gate import Condition
from changeover.manifest.manifest import Manifest
from changeover.names import short
from changeover.process import log_events
from model_server.exceptions import GateRefused, RollRefused, SchemaChanged
from model_server.versions.versions import Versions

_MOST_LISTED: Final = 5


@dataclass(frozen=True)
class RollRequest:
    """A request to roll: the caller's name, its reason, and the checks it skips; `exempt` is a rollback.

    `on_behalf_of` is what the caller says of itself, such as the user of a machine that has a token.
    `expected_sequence` is the current sequence that the caller saw, 0 for none; None if it did not look. `rehearse` are the
    seconds of the rehearsal, None for those of the server's setting; `line` is the share of answers that may differ in it. `watch`
    are the seconds after the switch in which failures roll it back.
    """

    by: str
    reason: str
    allow_schema_change: bool = False
    skip_gate: bool = False
    exempt: bool = False
    on_behalf_of: str = ""
    expected_sequence: int | None = None
    rehearse: float | None = None
    line: float | None = None
    watch: float = 0.0


@dataclass(frozen=True)
class Promotion:
    """The checks with the settings of this server: `GATE`, `ALLOW_SCHEMA_CHANGE` and `REHEARSE`."""

    versions: Versions
    conditions: tuple[Condition, ...] = ()
    allow_schema_change: bool = False
    rehearse: float = 0.0

    def examine(self, model: str, version: str, current: str | None, request: RollRequest) -> RollRequest:
        """Check that `version` may follow `current` (None for a first version).

        Returns `request` with the reason for the ledger, and its rehearsal. Raises RollRefused, UnknownVersion or StoreError.
        """
        candidate = self.versions.manifest(model, version)
        if request.exempt or version == current:
            return replace(request, rehearse=0.0)
        before = self._manifest(model, current)
        try:
            remarks = [self._fit(candidate, before, request), self._pass_gate(candidate, before, current, request)]
            rehearse, line = self._rehearsal(candidate, current, request)
        except RollRefused as error:
            log_events.event(
                "rollout.refused", level="warning", model=model, version=version, by=request.by, reason=str(error)
            )
            raise
        reason = "; ".join([request.reason, *(remark for remark in remarks if remark)])
        return replace(request, reason=reason, rehearse=rehearse, line=line)

    def _rehearsal(self, candidate: Manifest, current: str | None, request: RollRequest) -> tuple[float, float | None]:
        """The seconds of the rehearsal, 0 for none, and its line; raises GateRefused for a line without a rehearsal.

        A first version has nothing to be compared with, so it has no rehearsal.
        """
        if current is None:
            return 0.0, None
        seconds = self.rehearse if request.rehearse is None else request.rehearse
        line = None if request.skip_gate else gate.disagreement(self.conditions)
        if line is not None and seconds <= 0:
            raise GateRefused(
                f"the gate has {gate.DISAGREEMENT}<={line:g}, which a rehearsal of {short(candidate.version)} on live requests "
                f"has to show: roll with one (rehearse, --rehearse 1m, REHEARSE), or past the gate (skip_gate, --skip-gate)",
                {"gate": []},
            )
        return seconds, line

    def _fit(self, candidate: Manifest, before: Manifest | None, request: RollRequest) -> str:
        """The ledger's remark on a permitted breaking change, empty for none; raises SchemaChanged."""
        diff = None if before is None else compare(before, candidate)
        if before is None or diff is None or diff.compatible:
            return ""
        broken = "; ".join(change.says for change in diff.breaking[:_MOST_LISTED])
        if len(diff.breaking) > _MOST_LISTED:
            broken += f"; and {len(diff.breaking) - _MOST_LISTED} more"
        if request.allow_schema_change or self.allow_schema_change:
            return f"schema change allowed: {broken}"
        raise SchemaChanged(
            f"version {short(candidate.version)} of {candidate.model!r} breaks the consumers of current "
            f"{short(before.version)}: {broken}. Publish it under another model name, or with the schema that consumers "
            f"know, or permit it (allow_schema_change, --allow-schema-change, ALLOW_SCHEMA_CHANGE=true for raw uploads)",
            {"diff": diff.to_json()},
        )

    def _pass_gate(
        self, candidate: Manifest, before: Manifest | None, current: str | None, request: RollRequest
    ) -> str:
        """The ledger's remark on the gate, empty without one; raises GateRefused."""
        if not self.conditions:
            return ""
        if request.skip_gate:
            return "gate skipped"
        judgements = gate.judge(self.conditions, candidate, before, replaces=current)
        failed = [judgement for judgement in judgements if not judgement.passed]
        if failed:
            raise GateRefused(
                f"version {short(candidate.version)} of {candidate.model!r} does not pass the gate "
                f"{', '.join(map(str, self.conditions))}: {'; '.join(judgement.says for judgement in failed)}. Publish a "
                f"version that does, or roll this one past the gate (skip_gate, --skip-gate)",
                {"gate": gate.refusal(judgements)},
            )
        return gate.summary(judgements) if judgements else ""

    def _manifest(self, model: str, version: str | None) -> Manifest | None:
        """The manifest of the current version; None if there is none, or the bucket lost it."""
        try:
            return None if version is None else self.versions.manifest(model, version)
        except (UnknownVersion, InvalidManifest) as error:
            log_events.event("rollout.not_compared", level="warning", model=model, version=version, reason=str(error))
            return None

"""The removal of the bytes of old versions: `changeover gc`.

A call removes for REMOVE_S and says how many versions are left; callers repeat it. The order for each version: it is
marked in this process, under the lock under which rollouts begin; its tombstone is created; its bytes are deleted. A crash
in between leaves a removed version with bytes, which the next call deletes. Ledger and manifests stay.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from changeover.json_types import JsonObject
from changeover.process import log_events
from changeover.process.clock import now, parse_rfc3339, utc_now
from model_server.exceptions import LedgerUnsure, NotReady
from model_server.ledger.ledger import Ledger
from model_server.problems import Problems, Topic
from model_server.retention.plan import Candidate, Plan, plan
from model_server.retention.uses import Uses
from model_server.rollouts.model_state import ModelState
from model_server.versions.tombstones import Tombstone
from model_server.versions.version_index import Listed
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket
from object_store.retention_keys import parse_of_version

REMOVE_S: Final = 4.0  # for which one call removes: an answer is due within a client's time limit
_DAY_S: Final = 86_400.0
_LEDGER: Final = (Topic.LEDGER, Topic.LEDGER_ENTRY, Topic.STRAY_ENTRY, Topic.OTHER_SERVERS)


@dataclass(frozen=True)
class RemovalRequest:
    """Keep the newest `keep` versions, and those published or current in the last `keep_days`; `dry_run` removes none."""

    keep: int
    keep_days: float
    by: str
    on_behalf_of: str = ""
    reason: str = ""
    dry_run: bool = False


@dataclass
class Removed:
    """The result of a call: what was removed (with `dry_run`: would be), how many are left, and what was kept why."""

    request: RemovalRequest
    model: str
    kept: dict[str, str]
    versions: list[Candidate] = field(default_factory=list)
    left: int = 0

    def to_json(self, created_at: dict[str, str]) -> JsonObject:
        """The JSON form; versions without a use are counted only."""
        counts = Counter(self.kept.values())
        named = {"newest", "recent"}
        return {
            "model": self.model,
            "dry_run": self.request.dry_run,
            "removed": [
                {"version": each.version, "size": each.size, "created_at": created_at.get(each.version, "")}
                for each in self.versions
            ],
            "bytes": sum(each.size for each in self.versions),
            "left": self.left,
            "kept": {
                **{name: counts[name] for name in sorted(named)},
                "in_use": [{"version": v, "use": use} for v, use in self.kept.items() if use not in named],
            },
        }


class Removal:
    """The removals of this process. Thread-safe."""

    def __init__(self, bucket: Bucket, versions: Versions, ledger: Ledger, uses: Uses, problems: Problems) -> None:
        self._bucket, self._versions, self._ledger = bucket, versions, ledger
        self.uses, self._problems = uses, problems

    def run(self, state: ModelState, request: RemovalRequest) -> JsonObject:
        """Remove versions of a model for REMOVE_S at most; returns what was done.

        Raises LedgerUnsure, NotReady while the versions of the model are being read, or StoreError.
        """
        model, began = state.name, now()
        self._check(state)
        listed = self._versions.index.since(model, "")
        planned = self._plan(state, listed, request)
        result = Removed(request, model, dict(planned.kept))
        sizes = {each.version: each for each in planned.remove}
        unfinished = [Candidate(version, 0, 0.0) for version in self._versions.tombstones.unfinished(model)]
        due = [*unfinished, *planned.remove]
        for position, each in enumerate(due):
            if request.dry_run:
                result.versions.append(each)
            elif now() - began > REMOVE_S:
                result.left = len(due) - position
                break
            elif self._remove(state, each.version, request):
                result.versions.append(sizes.get(each.version, each))
        return result.to_json({each.version: each.created_at for each in listed})

    def _check(self, state: ModelState) -> None:
        """Raise LedgerUnsure unless the bucket agrees about what is current, NotReady unless all versions are known."""
        model = state.name
        troubles = self._problems.about(_LEDGER, model)
        before = _newest_ids(state)
        newest = self._ledger.newest(model)
        ours = before | _newest_ids(state)  # a rollout may be committed meanwhile
        if troubles or self._ledger.stray(model) or (newest.id if newest else None) not in ours:
            raise LedgerUnsure(
                f"nothing of model {model!r} is removed while its ledger is damaged, or written by another process: "
                f"{'; '.join(troubles) or 'the bucket has another newest entry than this model_server'}. See /readyz, "
                f"then try again"
            )
        index = self._versions.index
        if not index.complete(model) or index.in_doubt(model):
            raise NotReady(f"model_server still reads the versions of {model!r} in the bucket; try again in a moment")

    def _plan(self, state: ModelState, listed: list[Listed], request: RemovalRequest) -> Plan:
        model, tombstones = state.name, self._versions.tombstones
        used_until = self._used_until(model)
        uses = self.uses.recorded(model)
        candidates = []
        for each in listed:
            if tombstones.stands(model, each.version):
                continue
            published_at = max(_seconds(each.created_at), _seconds(tombstones.returned_at(model, each.version), 0.0))
            used = used_until.get(each.version, 0.0)
            candidates.append(Candidate(each.version, each.size, published_at, used))
            if tombstones.published_lately(model, each.version):
                uses.setdefault(each.version, "published again in the last hour")
            with state.changed:
                use = self.uses.now(state, each.version)
            if use:
                uses[each.version] = use
        keep_from = _seconds(utc_now()) - request.keep_days * _DAY_S
        return plan(candidates, request.keep, keep_from, uses)

    def _used_until(self, model: str) -> dict[str, float]:
        """When each version was last current, of those that no longer are."""
        until: dict[str, float] = {}
        after = None
        for entry in self._ledger.entries(model):
            if after is not None:
                until.setdefault(entry.version, _seconds(after.rolled_at))
            after = entry
        return until

    def _remove(self, state: ModelState, version: str, request: RemovalRequest) -> bool:
        """Remove one version, unless it is in use by now or being published; raises StoreError."""
        model, tombstones = state.name, self._versions.tombstones
        record = Tombstone(
            model=model,
            version=version,
            removed_at=utc_now(),
            by=request.by,
            on_behalf_of=request.on_behalf_of,
            reason=request.reason,
        )
        with tombstones.locks.held((model, version), wait=False) as ours:
            if not ours:
                return False
            again = tombstones.stands(model, version)
            record = (tombstones.read(model, version) if again else None) or record  # the first one says what happened
            with state.changed:
                number = 0 if self.uses.now(state, version) else tombstones.begin(record, again=again)
            if not number:
                return False
            tombstones.create(record, number, again=again)
            freed = 0
            for item in list(self._bucket.list(keys.version_prefix(model, version))):
                parsed = parse_of_version(item.key)
                if parsed is not None and parsed.kind == "bytes":
                    self._bucket.delete(item.key)
                    freed += item.size
            tombstones.deleted(model, version)
        log_events.event(
            "version.removed",
            model=model,
            version=version,
            by=request.by,
            reason=request.reason,
            bytes=freed,
            again=again,
        )
        return True


def _newest_ids(state: ModelState) -> set[str | None]:
    """The ids that the newest entry of the ledger may have: of the current one, and of the rollout under way."""
    with state.changed:
        entry, rollout = state.entry, state.rollout
    return {entry.id if entry else None, *([rollout.id] if rollout else [])}


def _seconds(moment: str, missing: float = float("inf")) -> float:
    """Seconds since 1970; `missing` for a text that is no time, so that such a version is kept."""
    try:
        return parse_rfc3339(moment).timestamp()
    except ValueError:
        return missing

"""The records of a history, as JSON lines: answers, rollouts, publishes, faults and the final state.

`changeover/consistency/check.py` checks a history; `docs/histories.md` describes this format for recorders. Every time
is in seconds of one monotonic clock.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Self

from changeover.consistency.members import MalformedHistory, Members
from changeover.json_types import JsonObject
from changeover.protocol.wire import Current, RolloutState, VersionState

UNKNOWN = "unknown"  # the state of an operation that was never acknowledged


class _Record:
    """A record whose members are its fields."""

    kind: ClassVar[str]
    __slots__ = ()

    def to_json(self) -> JsonObject:
        """The record as JSON, read back by `from_json`."""
        names = (one.name for one in dataclasses.fields(self))  # type: ignore[arg-type]  # all are dataclasses
        return {"kind": self.kind} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Answer(_Record):
    """One well-formed request, sent at `start` and answered in full, or abandoned, at `end`.

    `ok` is false for a failure: `error` is its reason, `status` is 0 without a response, and `sequence`, `version` and
    the following members mean nothing. `computed_by` is the version in the output of a self-identifying model,
    `versions_seen` are all versions in the rows of a batch. `who` names the client, for people.
    """

    kind: ClassVar[str] = "answer"

    model: str
    start: float
    end: float
    ok: bool
    status: int = 200
    sequence: int = 0
    version: str = ""
    stale: bool = False
    computed_by: str | None = None
    versions_seen: tuple[str, ...] = ()
    who: str = ""
    error: str = ""

    @classmethod
    def from_json(cls, members: Members) -> Self:
        """Read the record; raises MalformedHistory. An `ok` answer needs `sequence`, `version` and `stale`."""
        start, end = members.span()
        ok = members.truth("ok")
        return cls(
            model=members.text("model"),
            start=start,
            end=end,
            ok=ok,
            status=members.whole("status", 0),
            sequence=members.whole("sequence") if ok else members.whole("sequence", 0),
            version=members.text("version") if ok else members.text("version", ""),
            stale=members.truth("stale") if ok else members.truth("stale", False),
            computed_by=members.text("computed_by", "") or None,
            versions_seen=members.texts("versions_seen"),
            who=members.text("who", ""),
            error=members.text("error", ""),
        )


@dataclass(frozen=True, slots=True)
class Rollout(_Record):
    """A rollout or rollback requested at `start`, and acknowledged, or still unknown, at `end`.

    `state` is `committed`, `aborted` or `UNKNOWN`. `sequence` is None if unknown; a committed rollout has one.
    """

    kind: ClassVar[str] = "rollout"

    model: str
    version: str
    state: str
    start: float
    end: float
    sequence: int | None = None

    @classmethod
    def from_json(cls, members: Members) -> Self:
        """Read the record; raises MalformedHistory."""
        start, end = members.span()
        state = members.one_of("state", (RolloutState.COMMITTED, RolloutState.ABORTED, UNKNOWN))
        told = state == RolloutState.COMMITTED or members.has("sequence")
        sequence = members.whole("sequence") if told else None
        return cls(members.text("model"), members.text("version"), state, start, end, sequence)


@dataclass(frozen=True, slots=True)
class Publish(_Record):
    """An upload that started at `start`; `state` is `admitted`, `rejected`, or `UNKNOWN` without acknowledgement."""

    kind: ClassVar[str] = "publish"

    model: str
    version: str
    state: str
    start: float
    end: float

    @classmethod
    def from_json(cls, members: Members) -> Self:
        """Read the record; raises MalformedHistory."""
        start, end = members.span()
        state = members.one_of("state", (VersionState.ADMITTED, VersionState.REJECTED, UNKNOWN))
        return cls(members.text("model"), members.text("version"), state, start, end)


@dataclass(frozen=True, slots=True)
class Fault(_Record):
    """A failure that was injected into the deployment at `start` and healed at `end`."""

    kind: ClassVar[str] = "fault"

    what: str
    start: float
    end: float

    @classmethod
    def from_json(cls, members: Members) -> Self:
        """Read the record; raises MalformedHistory."""
        start, end = members.span()
        return cls(members.text("what"), start, end)


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The active version of one replica; `sequence` and `version` are None without one."""

    replica: str
    sequence: int | None
    version: str | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Final(_Record):
    """The final state of a model after the last fault, read at `at`.

    `ledger` is the whole ledger, `versions` are all versions ever admitted (without rejected ones), `replicas` are all
    replicas that should serve.
    """

    kind: ClassVar[str] = "final"

    model: str
    at: float
    ledger: tuple[Current, ...]
    versions: tuple[str, ...]
    replicas: tuple[ReplicaState, ...]

    @property
    def newest(self) -> Current | None:
        """The newest ledger entry, or None if no version was ever rolled."""
        return max(self.ledger, default=None)

    def to_json(self) -> JsonObject:
        """The record as JSON, read back by `from_json`."""
        return {
            "kind": self.kind,
            "model": self.model,
            "at": self.at,
            "ledger": [{"sequence": entry.sequence, "version": entry.version} for entry in self.ledger],
            "versions": list(self.versions),
            "replicas": [dataclasses.asdict(replica) for replica in self.replicas],
        }

    @classmethod
    def from_json(cls, members: Members) -> Self:
        """Read the record; raises MalformedHistory."""
        replicas = (
            ReplicaState(
                replica=one.text("replica"),
                sequence=one.whole("sequence") if one.has("sequence") else None,
                version=one.text("version") if one.has("version") else None,
                stale=one.truth("stale"),
            )
            for one in members.objects("replicas")
        )
        return cls(
            model=members.text("model"),
            at=members.number("at"),
            ledger=tuple(Current(one.whole("sequence"), one.text("version")) for one in members.objects("ledger")),
            versions=members.texts("versions", required=True),
            replicas=tuple(replicas),
        )


Record = Answer | Rollout | Publish | Fault | Final
_KINDS: dict[str, type[Record]] = {one.kind: one for one in (Answer, Rollout, Publish, Fault, Final)}


@dataclass
class History:
    """The records by kind, in any order, of one or several models."""

    answers: list[Answer] = field(default_factory=list)
    rollouts: list[Rollout] = field(default_factory=list)
    publishes: list[Publish] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """The history of these records."""
        history = cls()
        for record in records:
            history.add(record)
        return history

    def add(self, record: Record) -> None:
        """Add a record to the list of its kind."""
        match record:
            case Answer():
                self.answers.append(record)
            case Rollout():
                self.rollouts.append(record)
            case Publish():
                self.publishes.append(record)
            case Fault():
                self.faults.append(record)
            case Final():
                self.finals.append(record)

    def records(self) -> Iterator[Record]:
        """Every record, kind by kind."""
        yield from self.answers
        yield from self.rollouts
        yield from self.publishes
        yield from self.faults
        yield from self.finals


def read(lines: Iterable[str | bytes]) -> History:
    """Read JSON lines; raises MalformedHistory, which names the line. Empty lines and unknown members are ignored."""
    history = History()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            history.add(_record(line))
        except MalformedHistory as error:
            raise MalformedHistory(f"line {number}: {error}") from None
    return history


def write(records: Iterable[Record]) -> Iterator[str]:
    """One JSON line a record, line end included; a recorder may append them as they happen."""
    for record in records:
        yield json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False) + "\n"


def _record(line: str | bytes) -> Record:
    try:
        body = json.loads(line)
    except UnicodeDecodeError as error:
        raise MalformedHistory(f"the record is not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise MalformedHistory(f"the record is not JSON ({error}); was it cut off while it was written?") from None
    if not isinstance(body, dict):
        raise MalformedHistory('the record is no JSON object, as in {"kind": "fault", ...}')
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MalformedHistory(f"a record of the kind {kind!r}; known are {', '.join(_KINDS)}")
    return _KINDS[kind].from_json(Members(body, kind))

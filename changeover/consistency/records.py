"""The records of a history, as JSON lines: answers, rollouts, publishes, faults and the final state.

`changeover/consistency/check.py` checks a history; `docs/histories.md` describes this format for recorders. Every time
is in seconds of one monotonic clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

from changeover.exceptions import ChangeoverError
from changeover.protocol.wire import Current, RolloutState, VersionState

UNKNOWN = "unknown"  # the state of an operation that was never acknowledged

Text = Annotated[str, Meta(min_length=1)]
Number = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=-1e15, le=1e15)]  # beyond that, a double does not resolve tenths of a second


class MalformedHistory(ChangeoverError):
    """A line that is no record of a history; the message names the line, the member and the problem."""


class _Record(Struct, frozen=True, tag_field="kind", tag=str.lower):
    """A record: a JSON object whose `kind` is the name of its class, in lower case."""


class Answer(_Record, frozen=True):
    """One well-formed request, sent at `start` and answered in full, or abandoned, at `end`.

    `ok` is false for a failure: `error` is its reason, `status` is 0 without a response, and `sequence`, `version` and
    the following members mean nothing. `computed_by` is the version in the output of a self-identifying model,
    `versions_seen` are all versions in the rows of a batch. `who` names the client, for people.
    """

    model: Text
    start: Seconds
    end: Seconds
    ok: bool
    status: Number = 0
    sequence: Number = 0
    version: str = ""
    stale: bool = False
    computed_by: str | None = None
    versions_seen: tuple[str, ...] = ()
    who: str = ""
    error: str = ""

    @property
    def request(self) -> str:
        """The request in messages, with its client and model."""
        return f"a request of {self.who} to {self.model}" if self.who else f"a request to {self.model}"


class Rollout(_Record, frozen=True):
    """A rollout or rollback requested at `start`, and acknowledged, or still unknown, at `end`.

    `sequence` is None if unknown; a committed rollout has one.
    """

    model: Text
    version: Text
    state: Annotated[str, Meta(pattern=f"^({RolloutState.COMMITTED}|{RolloutState.ABORTED}|{UNKNOWN})$")]
    start: Seconds
    end: Seconds
    sequence: Number | None = None


class Publish(_Record, frozen=True):
    """An upload that started at `start`; `state` is `UNKNOWN` without acknowledgement."""

    model: Text
    version: Text
    state: Annotated[str, Meta(pattern=f"^({VersionState.ADMITTED}|{VersionState.REJECTED}|{UNKNOWN})$")]
    start: Seconds
    end: Seconds


class Fault(_Record, frozen=True):
    """A failure that was injected into the deployment at `start` and healed at `end`."""

    what: Text
    start: Seconds
    end: Seconds


class ReplicaState(Struct, frozen=True):
    """The active version of one replica; `sequence` and `version` are None without one."""

    replica: Text
    sequence: Number | None
    version: Text | None
    stale: bool

    @property
    def current(self) -> Current | None:
        """The active version and its sequence, or None."""
        return None if self.sequence is None or self.version is None else Current(self.sequence, self.version)


class Final(_Record, frozen=True):
    """The final state of a model after the last fault, read at `at`.

    `ledger` is the whole ledger, `versions` are all versions ever admitted (without rejected ones), `replicas` are all
    replicas that should serve.
    """

    model: Text
    at: Seconds
    ledger: tuple[Current, ...]
    versions: tuple[str, ...]
    replicas: tuple[ReplicaState, ...]

    @property
    def newest(self) -> Current | None:
        """The newest ledger entry, or None if no version was ever rolled."""
        return max(self.ledger, default=None)


Record = Answer | Rollout | Publish | Fault | Final


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
        for records in (self.answers, self.rollouts, self.publishes, self.faults, self.finals):
            yield from records


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
        yield msgspec.json.encode(record).decode() + "\n"


def _record(line: str | bytes) -> Record:
    """The record of a line; a null member counts as missing. Raises MalformedHistory."""
    try:
        body = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        raise MalformedHistory(f"the record is not JSON ({error}); was it cut off while it was written?") from None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None}
    try:
        record: Record = msgspec.convert(body, Record)
    except msgspec.ValidationError as error:
        raise MalformedHistory(f"the record is not as docs/histories.md describes it: {error}") from None
    needed: tuple[str, ...] = ()
    if isinstance(record, Answer) and record.ok:
        needed = ("sequence", "version", "stale")
    elif isinstance(record, Rollout) and record.state == RolloutState.COMMITTED:
        needed = ("sequence",)
    missing = [name for name in needed if body.get(name) in {None, ""}]
    if missing:
        raise MalformedHistory(f"the {body['kind']} has no {' and no '.join(map(repr, missing))}: add what is missing")
    if not isinstance(record, Final) and record.end < record.start:
        raise MalformedHistory(
            f"the {body['kind']} ends at {record.end:g}, before its start at {record.start:g}: "
            f"take both from one clock that never steps"
        )
    return record

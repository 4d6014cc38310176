"""The record of a rollout: under way, committed (then it is a ledger entry) or aborted; its JSON form."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from changeover.json_types import JsonObject
from changeover.names import VERSION
from changeover.protocol.wire import Current, RolloutState
from changeover.sealed.envelope import Envelope

Version = Annotated[str, Meta(pattern=rf"\A{VERSION.pattern}\Z")]


class Rollout(Struct, frozen=True, kw_only=True):
    """One attempt to make `version` current; its members in the order of its JSON form, in the bucket and on the wire.

    `id` distinguishes our own entry from another process's entry of the same number. `sequence` is the ledger number
    that the rollout tries to get. `reason` is the caller's, or the cause of the abort. `rolled_at` is when the rollout
    began, and in a ledger entry when the entry was written. `by` is the name of the caller's token, session or proxy
    identity, and `on_behalf_of` what the caller says of itself. `deadline` is the end of preparing, on a monotonic clock.
    `seal` is that of the ledger entry (`docs/sealed.md`).
    """

    id: str
    model: str
    sequence: int
    version: Version
    previous: Version | None = None
    state: RolloutState = RolloutState.PREPARING
    reason: str = ""
    by: str = ""
    on_behalf_of: str = ""
    rolled_at: str
    deadline: float = 0.0
    seal: Envelope | None = None

    @property
    def over(self) -> bool:
        """Whether nothing further can happen to it."""
        return self.state in {RolloutState.COMMITTED, RolloutState.ABORTED}

    @property
    def current(self) -> Current:
        """The pointer value of this rollout."""
        return Current(self.sequence, self.version)

    def to_json(self) -> JsonObject:
        """The JSON form, without `deadline` and `seal`."""
        body: JsonObject = msgspec.to_builtins(self)
        del body["deadline"], body["seal"]
        return body

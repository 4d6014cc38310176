"""The active version of a model in this worker: one immutable value, switched by one assignment.

A request reads the value once, so its response comes from one version. A lower sequence is refused, so responses never
go back to an earlier version.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from changeover.exceptions import ChangeoverError
from changeover.names import short
from changeover.protocol import wire
from changeover.protocol.wire import Current
from predict_api.exceptions import LowerSequence, OtherVersion
from predict_api.scoring.interfaces import Prepared


@dataclass(frozen=True)
class ActiveVersion:
    """The active version.

    `confirmed_at` is the sending time of the last check that confirmed it, in seconds of a monotonic clock.
    """

    current: Current
    prepared: Prepared
    confirmed_at: float

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.prepared.manifest.model

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of every response from this version."""
        return [
            (wire.MODEL_NAME, self.model),
            (wire.MODEL_VERSION, self.current.version),
            (wire.MODEL_SEQUENCE, str(self.current.sequence)),
        ]


def refuse_a_way_back(active: ActiveVersion | None, current: Current) -> None:
    """Raise LowerSequence or OtherVersion if `current` cannot follow the version `active`."""
    if active is None:
        return
    if current.sequence < active.current.sequence:
        raise LowerSequence(
            f"model {active.model!r} is at sequence {active.current.sequence} here, model_server has "
            f"{current.sequence}: its ledger is older than this replica (restored from a backup?); roll again, or "
            f"restart predict_api with an empty CACHE_DIR to accept the older ledger"
        )
    if current.sequence == active.current.sequence and current.version != active.current.version:
        raise OtherVersion(
            f"sequence {current.sequence} of model {active.model!r} is version {short(active.current.version)} here, "
            f"model_server has {short(current.version)}: two ledgers have the same number; roll again"
        )


def switch(active: ActiveVersion | None, current: Current, prepared: Prepared, now: float) -> ActiveVersion:
    """The active version that follows `active`; raises LowerSequence or OtherVersion.

    `prepared` must be the version that `current` names. `now` is a time before the check was sent.
    """
    refuse_a_way_back(active, current)
    if prepared.version != current.version:
        raise ChangeoverError(f"{short(prepared.version)} cannot answer for {short(current.version)}")
    return ActiveVersion(current, prepared, now)


def confirm(active: ActiveVersion, now: float) -> ActiveVersion:
    """`active`, confirmed as current by a check that was sent at `now`."""
    return replace(active, confirmed_at=now)

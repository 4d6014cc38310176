"""The phases of a rollout with their times: prepare, rehearse, fence, commit, and then live.

Times are seconds of a monotonic clock; this run of the process knows them, the ledger does not.
"""

from enum import StrEnum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace


class Phase(StrEnum):
    """What a rollout does, one after the other; REHEARSE only if asked to, LIVE begins when it is committed."""

    PREPARE = "prepare"
    REHEARSE = "rehearse"
    FENCE = "fence"
    COMMIT = "commit"
    LIVE = "live"


class Phases(Struct, frozen=True):
    """When each phase of one rollout began, in order, and when the rollout ended, None before that."""

    began: tuple[tuple[Phase, float], ...] = ()
    end: float | None = None

    @classmethod
    def begun(cls, now: float) -> Self:
        """The phases of a rollout that begins to prepare at `now`."""
        return cls(((Phase.PREPARE, now),))

    def entered(self, phase: Phase, now: float) -> Self:
        """With `phase` begun at `now`; the same if it has begun before."""
        if any(known is phase for known, _ in self.began):
            return self
        return replace(self, began=(*self.began, (phase, now)))

    def ended(self, now: float) -> Self:
        """With the end at `now`."""
        return replace(self, end=now)

    def seconds(self, now: float) -> dict[Phase, float]:
        """The seconds spent in each phase that has begun, until `now` or the end."""
        end = now if self.end is None else self.end
        ends = [*(at for _, at in self.began[1:]), end]
        return {phase: max(0.0, until - at) for (phase, at), until in zip(self.began, ends, strict=False)}

"""Rounds of the comparison: every server has a turn in each round, in an order that shifts from round to round."""

import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from benchmarks.peers.comparison import Served
from benchmarks.peers.load import Load, ask

MANY: Final = 32
WARM_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 5.0


@dataclass
class Measured:
    """One server of one model over all rounds."""

    model: str
    served: Served
    many: list[Load] = field(default_factory=list)  # 32 connections
    one: list[Load] = field(default_factory=list)
    resident_mb: float = 0.0
    proportional_mb: float = 0.0
    idle_share: float = 0.0  # of one core, without requests

    @property
    def wrong(self) -> int:
        """Requests that were not answered with 200."""
        return sum(load.wrong for load in (*self.many, *self.one))


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, the least and the greatest."""

    median: float
    least: float
    greatest: float


def spread(values: list[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def rates_beside(ours: Measured, theirs: Measured) -> Spread:
    """Requests a second over 32 connections, as a share of the other's in the same round."""
    return spread([a.rate / max(b.rate, 1e-9) for a, b in zip(ours.many, theirs.many, strict=True)])


def latencies_beside(ours: Measured, theirs: Measured) -> Spread:
    """The median latency of one connection, as a multiple of the other's in the same round."""
    return spread([a.p50_ms / max(b.p50_ms, 1e-9) for a, b in zip(ours.one, theirs.one, strict=True)])


def measure(model: str, servers: list[Served], rounds: int, seconds: float) -> list[Measured]:
    """Measure all `servers` in `rounds` rounds of `seconds`, over 32 connections and then over one."""
    measured = [Measured(model, served) for served in servers]
    for one in measured:
        ask(one.served.serving.url, one.served.body, MANY, WARM_SECONDS)
        _settle(one)
    _idle(measured)
    for number in range(rounds):
        shift = number * max(1, len(measured) // max(1, rounds))
        for one in (*measured[shift:], *measured[:shift]):
            url, body = one.served.serving.url, one.served.body
            ask(url, body, MANY, WARM_SECONDS)
            one.many.append(ask(url, body, MANY, seconds))
            _settle(one)
            one.one.append(ask(url, body, 1, seconds))
        print(f"{model}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    for one in measured:
        one.resident_mb, one.proportional_mb = one.served.serving.memory()
    return measured


def _settle(one: Measured) -> None:
    """Wait until a server has finished the requests that were under way when the load ended."""
    pause, deadline = threading.Event(), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        before = one.served.serving.processor_seconds()
        pause.wait(0.25)
        if one.served.serving.processor_seconds() - before < 0.04:
            return


def _idle(measured: list[Measured], seconds: float = 2.0) -> None:
    """Measure the share of a core that each server takes without requests, which all others lose."""
    before, start = [one.served.serving.processor_seconds() for one in measured], time.monotonic()
    threading.Event().wait(seconds)
    took = time.monotonic() - start
    for one, spent in zip(measured, before, strict=True):
        one.idle_share = (one.served.serving.processor_seconds() - spent) / took

"""One run of torture: the stack, eight clients, the nemesis, and a check of the promises on the history."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from changeover.consistency.check import check
from changeover.consistency.records import Fault, History, ReplicaState
from changeover.consistency.violation import Violation
from changeover.process.clock import now
from changeover.protocol.wire import RolloutState
from tests.processes.store import Kind
from tests.torture import final
from tests.torture.load import CLIENTS, Client, Tally
from tests.torture.models import RUNTIMES, Reels
from tests.torture.nemesis import Nemesis
from tests.torture.publisher import Operator
from tests.torture.stack import MODEL, Stack

_BOTH_S = 10.0
_LAST_ACT_S = 90.0  # for a restart that is under way when the time is over


@dataclass
class Report:
    """The report of a run. `broken` has errors of the test itself, which make the report invalid."""

    seed: int
    seconds: float
    store: Kind
    tally: Tally
    history: History = field(default_factory=History)
    violations: list[Violation] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    settled_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every request was answered, and every promise was kept."""
        return not (self.tally.failed or self.violations or self.broken)

    def table(self) -> str:
        """A table for readers: one figure a line, then the errors."""
        tally, states = self.tally, Counter(rollout.state for rollout in self.history.rollouts)
        published = Counter(publish.state for publish in self.history.publishes)
        lines = {
            "seed": self.seed,
            "store": f"{self.store}, {self.seconds:g} s",
            "requests": tally.requests,
            "failed": len(tally.failed),
            "violations": len(self.violations),
            "computed by": self._shares(),
            "stale share": f"{tally.stale / max(1, tally.requests):.1%}",
            "rolls": f"{states[RolloutState.COMMITTED]} committed, {_others(states, RolloutState.COMMITTED)}",
            "publishes": f"{published['admitted']} admitted, {_others(published, 'admitted')}",
            "kills": sum(number for what, number in self.done.items() if "kill" in what or "restart" in what),
            "pauses": sum(number for what, number in self.done.items() if "pause" in what),
            "broken wires": sum(number for what, number in self.done.items() if "break" in what),
            "moved to another instance": tally.moved,
            "reconnected": tally.reconnected,
            "cut by SIGKILL": tally.cut,
            "worst latency": f"{tally.worst_s:.3f} s",
            "settled after": f"{self.settled_s:.2f} s",
        }
        shown = [f"{name:26} {value}" for name, value in lines.items()]
        wrong = [*self.broken, *tally.failed, *(f"{one.promise}: {one.message}" for one in self.violations)]
        return "\n".join([*shown, *(f"! {line}" for line in wrong[:40])])

    def _shares(self) -> str:
        answered = max(1, self.tally.computed_by.total())
        shares = ((runtime, self.tally.computed_by[runtime] / answered) for runtime in sorted(RUNTIMES))
        return ", ".join(f"{runtime} {share:.1%}" for runtime, share in shares)


def _others(states: Counter[str], but: str) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(states.items()) if state != but) or "none else"


def run(seed: int, seconds: float, store: Kind, folder: Path, converge_s: float = final.CONVERGE_S) -> Report:
    """Torture a stack in `folder` for so many seconds; `nemesis.py` explains what the seed decides."""
    tally = Tally()
    report = Report(seed, seconds, store, tally)
    reels = Reels(seed)
    with contextlib.closing(Stack(folder, store)) as stack:
        stack.start()
        operator = Operator(stack.server.url, MODEL, reels, seed, report.history.add)
        stack.start_instances(operator.roll_a_new_one)
        record = report.history.add
        nemesis = Nemesis(stack, seed, record)
        clients = [
            Client(f"client-{number}", random.Random(f"{seed}/{number}"), MODEL, stack.instances, reels, tally, record)
            for number in range(CLIENTS)
        ]
        with _threads([client.run for client in clients], report.broken):
            operator.roll_a_new_one()  # a model without a twin: both runtimes answer, however short the run is
            _wait_for_both(tally)
            with _threads([operator.run, *nemesis.lanes()], report.broken):
                threading.Event().wait(seconds)
            at, replicas = _settle(stack, report, converge_s)
        report.done = nemesis.counts
        report.history.add(final.after_death(stack, at, replicas))
    report.broken += [f"the rig: no answer was computed by {each}" for each in RUNTIMES - tally.computed_by.keys()]
    report.violations = check(report.history, converge_within_s=converge_s)
    return report


def _wait_for_both(tally: Tally) -> None:
    """Wait for an answer of each runtime, at most `_BOTH_S`; the report names a runtime without one."""
    deadline, pause = now() + _BOTH_S, threading.Event()
    while not tally.computed_by.keys() >= RUNTIMES and now() < deadline:
        pause.wait(0.05)


def _settle(stack: Stack, report: Report, converge_s: float) -> tuple[float, list[ReplicaState]]:
    began = now()
    for wire in [stack.store_wire, *(instance.wire for instance in stack.instances)]:
        wire.heal()
    healed = now()
    report.history.add(Fault("connections that hung until now are ended", began, healed))
    at, replicas = final.settle(stack, converge_s)
    report.settled_s = at - healed
    return at, replicas


@contextlib.contextmanager
def _threads(runs: list[Callable[[threading.Event], None]], broken: list[str]) -> Iterator[None]:
    """Run each in a thread while the block lasts; an exception in a thread goes to `broken`."""
    over = threading.Event()

    def guarded(run: Callable[[threading.Event], None]) -> None:
        try:
            run(over)
        except BaseException as error:  # noqa: BLE001 any end of the thread, including a failed wait of pytest
            broken.append(f"the rig: {error!r}")

    threads = [threading.Thread(target=guarded, args=(each,), daemon=True) for each in runs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(_LAST_ACT_S)
        broken += ["the rig: a thread did not end"] * sum(thread.is_alive() for thread in threads)

"""Failures of the stack under load: an endless seeded sequence of acts, and the threads that do them.

Three lanes run at the same time, so that faults overlap. The first works on predict_api, one instance at a time, so that
the others can take over. The second works on model_server, the store and the connections between them. The third
publishes, rolls and rolls back (`publisher.py`). The seed decides the acts, their length and their order; their timing
relative to requests differs from run to run. Bits are flipped only at offsets that only artifacts reach, because HTTP
headers have no checksum but that of TCP.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from changeover.consistency.records import Fault as FaultEntry
from changeover.process.clock import now
from tests.fault_proxy import BLACK_HOLE, NONE, Fault, FaultProxy
from tests.torture.stack import Stack

_ARTIFACT_ONLY: Final = (100_000, 280_000)  # bytes of one connection that only an artifact reaches


@dataclass(frozen=True)
class Act:
    """One failure: `what` happens to instance number `where` for `hold_s`, then a rest of `rest_s`."""

    what: str
    where: int
    hold_s: float
    rest_s: float
    seed: int

    def __str__(self) -> str:
        return f"{self.what} {self.where} for {self.hold_s:.2f} s"


ON_PREDICT_API: Final = {
    "kill worker": 3,
    "kill instance": 2,
    "restart instance": 2,
    "pause worker": 4,
    "pause instance": 3,
}
ON_THE_REST: Final = {
    "kill model_server": 2,
    "kill its worker": 2,
    "restart model_server": 2,
    "pause model_server": 4,
    "kill store": 2,
    "pause store": 3,
    "kill model_server and store": 1,
    "break the wire to the store": 7,
    "break the wire of an instance": 7,
    "break the wires of all": 5,
}
_LONGEST_REST_S: Final = 4.0  # so that some rollouts are committed: one takes some seconds after a restart


def acts(choices: random.Random, weights: dict[str, int], instances: int) -> Iterator[Act]:
    """An endless sequence of acts of these kinds; equal seeds give equal acts."""
    while True:
        yield Act(
            what=choices.choices(list(weights), list(weights.values()))[0],
            where=choices.randrange(instances),
            hold_s=choices.choice([choices.uniform(0.0, 1.0), choices.uniform(1.0, 4.0)]),
            rest_s=choices.choice([0.1, choices.uniform(0.2, _LONGEST_REST_S)]),
            seed=choices.randrange(2**32),
        )


def wire_fault(choices: random.Random) -> tuple[str, Fault]:
    """A random fault of one direction of a connection."""
    at = int(2 ** choices.uniform(0, 18))  # uniform in the exponent, up to beyond the middle of an artifact
    return choices.choice(
        [
            ("latency", Fault(lag=choices.uniform(0.02, 0.4))),
            ("drip", Fault(drip=choices.uniform(0.001, 0.2), drip_from=choices.choice([0, at]))),
            ("reset", Fault(reset_at=at)),
            ("truncate", Fault(cut_at=at)),
            ("flip", Fault(flip_at=choices.randint(*_ARTIFACT_ONLY))),
            ("black hole", choices.choice([BLACK_HOLE, Fault(hang_at=at)])),
        ]
    )


class Nemesis:
    """The acts of both lanes on `stack` until `over`; `counts` has the number of each kind."""

    def __init__(self, stack: Stack, seed: int, record: Callable[[FaultEntry], None]) -> None:
        self._stack, self._record = stack, record
        self.counts: Counter[str] = Counter()
        self._lanes = [
            acts(random.Random(f"{seed}/predict_api"), ON_PREDICT_API, len(stack.instances)),
            acts(random.Random(f"{seed}/the rest"), ON_THE_REST, len(stack.instances)),
        ]

    def lanes(self) -> list[Callable[[threading.Event], None]]:
        """The functions to run, each in a thread."""
        return [lambda over, lane=lane: self._run(lane, over) for lane in self._lanes]  # type: ignore[misc]

    def _run(self, lane: Iterator[Act], over: threading.Event) -> None:
        took = 0.0
        for act in lane:
            if over.wait(max(act.rest_s, took)):  # also on a slow machine, every service runs half of the time
                return
            began = now()
            what = self._do(act, over)
            took = now() - began - act.hold_s
            self.counts[act.what] += 1
            self._record(FaultEntry(what=what, start=began, end=now()))

    def _do(self, act: Act, over: threading.Event) -> str:
        """Do one act and undo it; its description."""
        stack, instance = self._stack, self._stack.instances[act.where]
        choices = random.Random(act.seed)
        match act.what:
            case "kill worker":
                instance.kill_worker(choices)
            case "kill instance":
                instance.kill()
                over.wait(act.hold_s)
                instance.start()
            case "restart instance":
                instance.end()
                instance.start()
            case "pause worker" | "pause instance":
                with instance.paused(choices if act.what == "pause worker" else None):
                    over.wait(act.hold_s)
            case "kill model_server" | "restart model_server" | "kill model_server and store":
                self._server_falls(act, over)
            case "kill its worker":
                stack.server.kill_worker()
            case "pause model_server":
                with stack.server.paused():
                    over.wait(act.hold_s)
            case "kill store":
                stack.store.kill()
                over.wait(act.hold_s)
                stack.store.start()
            case "pause store":
                with stack.store.paused():
                    over.wait(act.hold_s)
            case "break the wire to the store":
                return self._break([stack.store_wire], act, over)
            case "break the wire of an instance":
                return self._break([instance.wire], act, over)
            case "break the wires of all":
                return self._break([each.wire for each in stack.instances], act, over)
        return str(act)

    def _server_falls(self, act: Act, over: threading.Event) -> None:
        server, store = self._stack.server, self._stack.store
        if act.what == "restart model_server":
            server.end()
        else:
            server.kill()
        if act.what == "kill model_server and store":
            store.kill()
            over.wait(act.hold_s)
            store.start()
        else:
            over.wait(act.hold_s)
        server.start()

    def _break(self, wires: list[FaultProxy], act: Act, over: threading.Event) -> str:
        """Break new connections, and end the open ones immediately or not; then heal."""
        choices = random.Random(act.seed)
        name, fault = wire_fault(choices)
        way = choices.choice(["answers", "requests", "both"])
        for wire in wires:
            wire.answers = fault if way != "requests" else NONE
            wire.requests = fault if way != "answers" else NONE
            if choices.random() < 0.8:
                wire.break_off()
        over.wait(max(act.hold_s, 0.3))
        for wire in wires:
            wire.answers = wire.requests = NONE
            if choices.random() < 0.6:  # otherwise requests on a broken connection hang until their timeout
                wire.break_off()
        return f"{act}: {name} of {way}: {fault}"

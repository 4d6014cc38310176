"""The replacement of worker processes that died, for both services.

granian ends a server whose worker dies twice within 5.5 s. Here a worker that was killed, for want of memory for instance,
never ends the service: a worker that died young is replaced after a pause.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from changeover.process.log_events import event

YOUNG_SECONDS: Final = 2.0  # a worker that dies before this age is replaced only after PAUSE_SECONDS
PAUSE_SECONDS: Final = 1.0


class WorkerMaster(Protocol):
    """What the loop uses of granian's server."""

    interrupt_signal: bool
    interrupt_children: list[int]
    main_loop_interrupt: threading.Event
    respawned_wrks: dict[int, float]


def replace_dead_workers(server: WorkerMaster, start: Callable[[int], None]) -> None:
    """Replace each worker of `server` that dies: `start` starts the one with an index. Returns when the server ends."""
    while True:
        server.main_loop_interrupt.wait()
        server.main_loop_interrupt.clear()
        if server.interrupt_signal:
            return
        dead = []
        while server.interrupt_children:  # one by one: granian's threads append at any time
            dead.append(server.interrupt_children.pop(0))
        born = server.respawned_wrks
        if any(monotonic() - born.get(index, float("-inf")) < YOUNG_SECONDS for index in dead):
            threading.Event().wait(PAUSE_SECONDS)
        for index in dead:
            event("worker.died", level="error", worker=index + 1)
            start(index)

"""Simulated events in the order of a true time that no process sees, and the threads of simulated processes.

Clocks run at different rates. Processes stop, pause and die. A simulated thread runs code of the product in a real
thread, but only one thread runs at a time: an event gives it the turn. A thread that waits does the next events itself,
until one of them gives the turn to another thread.
"""

import heapq
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Optional

from changeover.process.loop import Loop

Do = Callable[[], Optional["Thread"]]  # an event; it may return the thread whose turn it is
ANY_RUN = -1
TICK = 1e-6  # seconds, the shortest delay: after rounding, a shorter wait could repeat without end
LONGEST_SWITCH = 0.0003  # seconds until a thread continues after its wait


class Died(BaseException):
    """Ends a thread whose process was killed. No code of the product catches it."""


class Thread:
    """A real thread that runs the threads of simulated processes, one after the other."""

    def __init__(self) -> None:
        self.turn = allocate_lock()
        self.turn.acquire()
        self.identity = get_ident()
        self.events: Events
        self.run_number = ANY_RUN
        self.task: Callable[[], None]

    def run(self) -> None:
        """Run one task after the other."""
        self.turn.acquire()
        self.identity = get_ident()
        while True:
            events = self.events
            try:
                self.task()
            except Died:
                pass
            except BaseException as error:  # noqa: BLE001 the caller of `Events.run` gets it
                events.error = error
            _IDLE.append(self)
            events.wait_for_turn(self)


_IDLE: list[Thread] = []


@dataclass(frozen=True)
class Clock:
    """The clock of a process: it has an offset and a rate of its own, but never steps."""

    rate: float = 1.0
    offset: float = 0.0

    def read(self, true: float) -> float:
        return self.offset + self.rate * true


class Events:
    """The queue of future events; events of one moment happen in the order in which they were added."""

    def __init__(self, random: Random) -> None:
        self.now = 0.0
        self.random = random
        self.process: Process | None = None  # the process whose event or thread runs
        self.error: BaseException | None = None
        self._main = self.running = Thread()
        self._until: Callable[[], bool] = bool
        self._limit = 0.0
        self._queue: list[tuple[float, int, Process | None, int, Do]] = []
        self._count = 0

    def at(self, time: float, do: Do, process: "Process | None" = None, run_number: int = ANY_RUN) -> None:
        """Do it at `time`. An event of one run of a process ends with that run, and waits while the process is paused."""
        self._count += 1
        heapq.heappush(self._queue, (time, self._count, process, run_number, do))

    def run(self, until: Callable[[], bool], limit: float) -> None:
        """Do events until `until` holds, at the latest at `limit`."""
        self._until, self._limit = until, limit
        self.wait_for_turn(self._main)
        error, self.error = self.error, None
        if error is not None:
            raise error

    def wait_for_turn(self, thread: Thread) -> None:
        """Do events until it is the turn of `thread`, in it or in another one."""
        if self.process is not None:
            self.process.look()
        self.running = self._next()
        if self.running is not thread:
            self.running.turn.release()
            thread.turn.acquire()

    def in_simulated_thread(self) -> bool:
        """Whether the caller runs in a thread of a simulated process."""
        return self.running is not self._main and self.running.identity == get_ident()

    def _next(self) -> Thread:
        """Do events; returns the thread whose turn it is."""
        queue = self._queue
        try:
            while self.error is None and queue and not self._until():
                if queue[0][0] > self._limit:
                    self.now = max(self.now, self._limit)
                    break
                time, _, process, run_number, do = heapq.heappop(queue)
                self.now = max(self.now, time)
                if process is not None:
                    if run_number not in (ANY_RUN, process.run_number):
                        continue
                    if process.paused_until > self.now:
                        self.at(process.paused_until, do, process, run_number)
                        continue
                self.process = process
                thread = do()
                if thread is not None:
                    return thread
                if process is not None:
                    process.look()
        except BaseException as error:  # noqa: BLE001 the caller of `run` gets it
            self.error = error
        self.process = None
        return self._main


class _Wait:
    """A wait for a time or a condition. After it, `thread` continues, or `step` is done."""

    def __init__(self, process: "Process", until: Callable[[], bool], thread: Thread | None, step: Do) -> None:
        self._process, self.until, self.thread, self._step = process, until, thread, step
        self.ends = False

    def end(self) -> Thread | None:
        """End the wait, unless it has ended already."""
        if self not in self._process.waits:
            return None
        self._process.waits.remove(self)
        return self.thread or self._step()


class Process:
    """A simulated process: it runs, can be paused, and dies."""

    def __init__(self, events: Events, name: str, clock: Clock) -> None:
        self.events, self.name, self.clock = events, name, clock
        self.alive = False
        self.run_number = 0
        self.paused_until = 0.0
        self.waits: list[_Wait] = []

    def now(self) -> float:
        """The time of its own clock, in seconds."""
        return self.clock.read(self.events.now)

    def after(self, seconds: float, do: Do) -> None:
        """Do it when the clock of the process has advanced by `seconds`, if the same run continues then."""
        self.events.at(self.events.now + max(TICK, seconds) / self.clock.rate, do, self, self.run_number)

    def thread(self, task: Callable[[], None]) -> Do:
        """An event that begins a thread of this process."""

        def begin() -> Thread:
            if not _IDLE:
                thread = Thread()
                start_new_thread(thread.run, ())
                _IDLE.append(thread)
            thread = _IDLE.pop()
            thread.events, thread.run_number, thread.task = self.events, self.run_number, task
            return thread

        return begin

    def drive(self, loop: Loop) -> None:
        """Repeat the step of a loop, as its thread does."""

        def step() -> None:
            if not loop.stopped:
                loop.wake.clear()
                pause_s = loop.run_once(self.now())
                if pause_s is not None:
                    self._go_on(pause_s, loop.wake.is_set, step=self.thread(step))

        self.after(0.0, self.thread(step))

    def wait(self, seconds: float | None, until: Callable[[], bool] = bool) -> None:
        """Let `seconds` pass on the clock of the process, or less if `until` holds earlier; its threads call this."""
        thread = self.events.running
        if thread.run_number == self.run_number:
            self._go_on(seconds, until, thread)
            self.events.wait_for_turn(thread)
        if thread.run_number != self.run_number:
            raise Died

    def _go_on(
        self, seconds: float | None, until: Callable[[], bool], thread: Thread | None = None, step: Do = lambda: None
    ) -> None:
        """Continue a thread or a step after `seconds`, or soon after `until` holds."""
        wait = _Wait(self, until, thread, step)
        self.waits.append(wait)
        if seconds is not None:
            self.after(seconds, wait.end)

    def begin(self) -> None:
        """Begin a run; the code that is called next runs in this process."""
        self.alive = True
        self.events.process = self

    def look(self) -> None:
        """End the waits whose condition holds, soon."""
        for wait in self.waits:
            if not wait.ends and wait.until():
                wait.ends = True
                self.after(self.events.random.uniform(0.0, LONGEST_SWITCH), wait.end)

    def die(self) -> None:
        """SIGKILL: its memory, its threads and its next events are lost."""
        self.alive = False
        self.run_number += 1
        self.paused_until = 0.0
        self.waits = [wait for wait in self.waits if wait.thread]
        for wait in self.waits:
            self.events.at(self.events.now, wait.end, self)

    def pause(self, seconds: float) -> None:
        """SIGSTOP and SIGCONT: the process does nothing meanwhile, and its clock continues."""
        self.paused_until = max(self.paused_until, self.events.now + seconds)

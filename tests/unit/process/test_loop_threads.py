"""Threads that many loops share: their steps, their pauses, and their wakes."""

import threading

from changeover.process.loop import Loop
from changeover.process.loop_threads import LoopThreads

HOUR = 3600.0
SOON = 10.0  # seconds within which a step begins


class Steps(Loop):
    """A loop whose steps return `pauses`, one after the other, then an hour each."""

    def __init__(self, *pauses: float | None) -> None:
        super().__init__("steps")
        self._pauses = iter(pauses)
        self.steps = threading.Semaphore(0)
        self.threads: set[int] = set()

    def run_once(self, now: float) -> float | None:
        self.threads.add(threading.get_ident())
        self.steps.release()
        return next(self._pauses, HOUR)

    def stepped(self, times: int = 1) -> bool:
        """Whether so many steps begin soon."""
        return all(self.steps.acquire(timeout=SOON) for _ in range(times))


class Blocked(Steps):
    """A loop whose steps do not end before `free` is set."""

    def __init__(self, free: threading.Event) -> None:
        super().__init__()
        self._free = free
        self.at_once = 0
        self.most_at_once = 0

    def run_once(self, now: float) -> float | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        pause_s = super().run_once(now)
        self._free.wait(SOON)
        self.at_once -= 1
        return pause_s


def test_each_loop_begins_now_and_repeats_its_step_after_its_pause() -> None:
    threads, loops = LoopThreads("t", 2), [Steps(0.0, 0.01) for _ in range(20)]
    for loop in loops[:10]:
        threads.add(loop)
    threads.start()
    for loop in loops[10:]:
        threads.add(loop)
    assert all(loop.stepped(3) for loop in loops)
    assert len({thread for loop in loops for thread in loop.threads}) <= 2
    threads.stop()


def test_a_wake_ends_the_pause_of_its_loop_alone() -> None:
    threads, woken, other = LoopThreads("t", 1), Steps(), Steps()
    threads.start()
    for loop in (woken, other):
        threads.add(loop)
        assert loop.stepped()
    woken.wake.set()
    assert woken.stepped()
    assert not other.steps.acquire(blocking=False)
    threads.stop()


def test_a_wake_during_a_step_is_not_lost_and_steps_of_a_loop_do_not_overlap() -> None:
    free = threading.Event()
    threads, loop = LoopThreads("t", 2), Blocked(free)
    threads.start()
    threads.add(loop)
    assert loop.stepped()
    for _ in range(3):
        loop.wake.set()
    free.set()
    assert loop.stepped()
    assert loop.most_at_once == 1
    threads.stop()


def test_a_step_that_hangs_delays_no_other_loop_while_a_thread_is_left() -> None:
    free = threading.Event()
    threads, hangs, goes_on = LoopThreads("t", 2), Blocked(free), Steps(0.0, 0.0, 0.0)
    threads.start()
    threads.add(hangs)
    assert hangs.stepped()
    threads.add(goes_on)
    assert goes_on.stepped(4)
    free.set()
    threads.stop()


def test_a_loop_ends_by_its_last_step_or_its_stop() -> None:
    threads, ended, stopped = LoopThreads("t", 1), Steps(None), Steps()
    threads.start()
    for loop in (ended, stopped):
        threads.add(loop)
        assert loop.stepped()
    stopped.stop()
    ended.wake.set()
    marker = Steps()
    threads.add(marker)
    assert marker.stepped()
    assert not ended.steps.acquire(blocking=False)
    assert not stopped.steps.acquire(blocking=False)
    threads.stop()

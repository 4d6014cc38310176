"""The thread of a loop: it repeats the step, waits between two steps, and ends."""

import threading

from changeover.process.loop import Loop

HOUR = 3600.0
SOON = 10.0  # seconds within which a thread continues


class Steps(Loop):
    """A loop whose steps return `pauses`, one after the other."""

    def __init__(self, *pauses: float | None) -> None:
        super().__init__("steps")
        self._pauses = iter(pauses)
        self.steps = threading.Semaphore(0)
        self.done = 0

    def run_once(self, now: float) -> float | None:
        self.done += 1
        self.steps.release()
        return next(self._pauses)

    def ended(self) -> bool:
        """Wait for the end of the thread."""
        self._thread.join(SOON)
        return not self._thread.is_alive()


def test_the_step_is_repeated_until_it_returns_none() -> None:
    loop = Steps(0.0, 0.0, None)
    loop.start()
    assert loop.ended()
    assert loop.done == 3


def test_wake_ends_the_wait() -> None:
    loop = Steps(HOUR, None)
    loop.start()
    assert loop.steps.acquire(timeout=SOON)
    loop.wake.set()
    assert loop.ended()
    assert loop.done == 2


def test_stop_ends_the_thread_without_another_step() -> None:
    loop = Steps(HOUR)
    loop.start()
    assert loop.steps.acquire(timeout=SOON)
    loop.stop(wait_s=SOON)
    assert loop.ended()
    assert loop.done == 1


def test_a_wake_during_a_step_is_not_lost() -> None:
    class Woken(Steps):
        def run_once(self, now: float) -> float | None:
            self.wake.set()
            return super().run_once(now)

    loop = Woken(HOUR, None)
    loop.start()
    assert loop.ended()
    assert loop.done == 2

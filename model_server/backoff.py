"""Exponential backoff between attempts: the pause doubles, with jitter, up to a longest pause."""

import random
import threading


class Backoff:
    """The pauses of one series of attempts."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._longest_s = longest_s
        self._next_s = first_s

    def pause_s(self) -> float:
        """The seconds of the next pause."""
        pause_s = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(self._longest_s, self._next_s * 2)
        return pause_s

    def wait(self, until: threading.Event) -> None:
        """Pause once, or until the event is set."""
        until.wait(self.pause_s())

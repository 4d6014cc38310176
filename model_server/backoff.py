"""Exponential backoff between attempts: the pause doubles, with jitter, up to a longest pause."""

import random
import threading


class Backoff:
    """The pauses of one series of attempts."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s
        self._never = threading.Event()

    def wait(self, until: threading.Event | None = None) -> None:
        """Pause once, or until the event is set."""
        pause_s = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(self._longest_s, self._next_s * 2)
        (until or self._never).wait(pause_s)

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._next_s = self._first_s

"""The turn of the request that a thread processes: whether it may wait here, and whether its caller is still there.

`predict_api/edge/queue.py` gives a turn to each request in the bounded queue. The thread that receives all requests must
never wait: code that is about to wait calls `about_to_wait` first, which ends the attempt there. The request then begins
once more, by way of the queue.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol

from predict_api.exceptions import CallerGone

PAID: Final = "changeover.paid"  # in the WSGI environment: the caller whose token an earlier attempt has taken
REFUSAL: Final = "changeover.refusal"  # in the WSGI environment: the error with which the request is refused


class MustWait(BaseException):
    """A request that would wait in a thread that must not. It is no Exception, so that no response is made of it."""


class Turn(Protocol):
    """The turn of a request."""

    gone: bool  # whether the caller has closed the connection

    def lent_after(self, seconds: float) -> AbstractContextManager[None]:
        """The context in which another request may have the place after `seconds`: this one computes nothing here."""


class _Plain:
    """The turn of a request that did not come through the queue."""

    gone = False

    def lent_after(self, seconds: float) -> AbstractContextManager[None]:
        """A context in which nothing changes."""
        return nullcontext()


PLAIN_TURN: Final = _Plain()


class _Here(threading.local):
    turn: Turn = PLAIN_TURN
    may_wait = True


_here: Final = _Here()


def turn_here() -> Turn:
    """The turn of the request that this thread processes."""
    return _here.turn


def about_to_wait() -> None:
    """Raise MustWait if this thread must not wait."""
    if not _here.may_wait:
        raise MustWait


def refuse_if_gone() -> None:
    """Raise CallerGone if the caller of this thread's request has closed the connection."""
    if _here.turn.gone:
        raise CallerGone("the caller closed the connection before the answer was computed")


@contextmanager
def taking(turn: Turn) -> Iterator[None]:
    """The context in which this thread processes the request of `turn`."""
    _here.turn = turn
    try:
        yield
    finally:
        _here.turn = PLAIN_TURN


def must_not_wait(*, here: bool) -> None:
    """Set whether this thread must not wait; no context manager, whose cost each prediction would have."""
    _here.may_wait = not here

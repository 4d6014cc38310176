"""The reasons for which `changeover up` does not start."""

from changeover.exceptions import ChangeoverError


class PortBusy(ChangeoverError):
    """A port that another process listens on; the message names the port, its owner if known, and the option."""


class NoFreePort(ChangeoverError):
    """No port could be found for an option that was given as 0."""


class AlreadyUp(ChangeoverError):
    """Another `changeover up` runs on the same home, or processes of an earlier one hold its data."""


class CannotStart(ChangeoverError):
    """A service that dies repeatedly during the start of the stack; the message has the end of its log."""

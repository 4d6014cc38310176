"""The exceptions of environments."""

from changeover.exceptions import ChangeoverError


class NoEnvironment(ChangeoverError):
    """An artifact that no environment here can read; the message has the command that makes one."""


class InvalidEnvironment(ChangeoverError):
    """A name that no environment can have, or an `environment.json` that cannot be read."""


class EnvironmentExists(ChangeoverError):
    """The name of an environment that is there, or is being made by another process."""


class CannotMake(ChangeoverError):
    """The failure of a step in the making of an environment; nothing of it is left."""


class EnvironmentInUse(ChangeoverError):
    """The removal of an environment that a model uses, or may use."""

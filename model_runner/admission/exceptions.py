"""The errors of admission, one class a cause."""

from changeover.exceptions import ChangeoverError


class CannotExamine(ChangeoverError):
    """An examination that cannot take place; the artifact is not the cause, and may be sent again."""

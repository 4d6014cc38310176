"""Why there is no twin, and why a twin leaves some rows to the model it was made from."""

from changeover.exceptions import ChangeoverError


class NoTwin(ChangeoverError):
    """An estimator that has no twin; the message is one sentence that says why."""

"""Why there is no twin, and why a twin leaves some rows to the model it was made from."""

from changeover.exceptions import ChangeoverError


class NoTwin(ChangeoverError):
    """An estimator that has no twin; the message is one sentence that says why."""


class AskOriginal(ChangeoverError):
    """Rows that a twin does not answer, so that the estimator has to: nothing is wrong with them."""

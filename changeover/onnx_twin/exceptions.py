"""The reasons for having no ONNX twin, and for leaving a row to the estimator."""

from changeover.exceptions import ChangeoverError


class NoTwin(ChangeoverError):
    """An estimator that has no twin; the message is one sentence that says why."""

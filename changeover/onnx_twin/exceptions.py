"""The reasons for having no ONNX twin, and for leaving a row to the estimator."""

from changeover.exceptions import ChangeoverError


class NoTwin(ChangeoverError):
    """An estimator without an ONNX twin; the message is the reason in one sentence."""

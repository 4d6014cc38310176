"""The reasons for having no ONNX twin, and for leaving a row to the estimator."""

from changeover.exceptions import ChangeoverError


class NoTwin(ChangeoverError):
    """An estimator without an ONNX twin; the message is the reason in one sentence."""


class GraphRefused(NoTwin):
    """An ONNX graph outside the rules of `graph_check.py`; the message names the rule that it breaks."""

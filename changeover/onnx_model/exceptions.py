"""The reasons for refusing an ONNX file as a version."""

from changeover.exceptions import ChangeoverError


class NoSignature(ChangeoverError):
    """A graph whose inputs or outputs are not those of a model of rows; the message has the next step."""

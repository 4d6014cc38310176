"""Every error that predict_api raises on purpose: one class a cause. Statuses are decided in `routes/problems.py`."""

from changeover.exceptions import ChangeoverError


class CallFailed(ChangeoverError):
    """No answer from model_server within the deadline; `kind` is a word for metrics (`timeout`, `refused`, `name`)."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class LowerSequence(ChangeoverError):
    """model_server names a sequence below the one held: its state is older than what this replica has seen."""


class OtherVersion(ChangeoverError):
    """model_server names another version under the sequence that is held: two ledgers claim one number."""


class ArtifactUnavailable(ChangeoverError):
    """The artifact or manifest cannot be had now; trying again later may help."""


class ArtifactRefused(ChangeoverError):
    """What was sent as an artifact or manifest is not that version, twice in a row."""


class VersionSkew(ChangeoverError):
    """A model that was made with another minor version of scikit-learn than the one here."""


class UnknownModel(ChangeoverError):
    """A model that model_server does not know."""


class NoModel(ChangeoverError):
    """No version of this model is loaded yet."""


class UnsupportedBody(ChangeoverError):
    """A body that is not declared as plain JSON."""


class BodyTooLarge(ChangeoverError):
    """A body past MAX_BODY_BYTES."""


class BodyCutOff(ChangeoverError):
    """A body that ended before its Content-Length."""


class UnknownOption(ChangeoverError):
    """A query parameter whose value means nothing here."""


class Draining(ChangeoverError):
    """This process was told to end and takes no new work from a load balancer."""

"""The errors of predict_api, one class a cause; `predict_api/routes/problems.py` maps each to a status code."""

from changeover.exceptions import ChangeoverError


class CallFailed(ChangeoverError):
    """A call to model_server without a response in time; `kind` is a word such as `timeout`, `refused` or `name`."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class LowerSequence(ChangeoverError):
    """A sequence of model_server below the active one: its ledger is older than this replica's state."""


class OtherVersion(ChangeoverError):
    """Another version from model_server under the active sequence: two ledgers have the same number."""


class ArtifactUnavailable(ChangeoverError):
    """An artifact or manifest that cannot be read now; a later attempt may succeed."""


class ArtifactRefused(ChangeoverError):
    """An artifact or manifest that is not that of the version, twice in a row."""


class Overloaded(ChangeoverError):
    """A request that cannot begin within QUEUE_SECONDS, since too many came before it."""


class UnknownModel(ChangeoverError):
    """A model that model_server does not have."""


class NoModel(ChangeoverError):
    """A model without an active version yet."""


class UnsupportedBody(ChangeoverError):
    """A body whose headers do not declare uncompressed JSON."""


class BodyTooLarge(ChangeoverError):
    """A body larger than MAX_BODY_BYTES."""


class BodyTooSlow(ChangeoverError):
    """A body that did not come within BODY_SECONDS."""


class CallerGone(ChangeoverError):
    """A request whose caller has closed the connection."""


class BodyCutOff(ChangeoverError):
    """A body that ended before its Content-Length."""


class UnknownOption(ChangeoverError):
    """A query parameter with an unknown value."""


class Draining(ChangeoverError):
    """A process that is stopping and should get no new requests from a load balancer."""

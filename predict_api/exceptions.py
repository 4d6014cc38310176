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
    """A body of a type, a charset or an encoding that is not taken."""


class BodyTooLarge(ChangeoverError):
    """A body larger than MAX_BODY_BYTES."""


class BodyTooSlow(ChangeoverError):
    """A body that did not come within BODY_SECONDS."""


class CallerGone(ChangeoverError):
    """A request whose caller has closed the connection."""


class BodyCutOff(ChangeoverError):
    """A body that ended before its Content-Length."""


class BrokenGzip(ChangeoverError):
    """A body that is no whole gzip, though its Content-Encoding says so."""


class NotAcceptable(ChangeoverError):
    """An answer of a type that this installation cannot write."""


class UnknownOption(ChangeoverError):
    """A query parameter with an unknown value."""


class InvalidCall(ChangeoverError):
    """A body that is no request of the dialect of its path; the message says what was expected."""


class NotCurrent(ChangeoverError):
    """A version in the path of a call that is not the current one."""


class Draining(ChangeoverError):
    """A process that is stopping and should get no new requests from a load balancer."""


class InvalidKeys(ChangeoverError):
    """A KEYS_FILE that cannot be read, or that has an invalid entry; the message names the file and the entry."""


class NoValidKey(ChangeoverError):
    """A request without an API key, or with one that is not in KEYS_FILE."""


class ModelNotAllowed(ChangeoverError):
    """A request for a model for which its API key is not."""


class TooManyRequests(ChangeoverError):
    """A request beyond the rate of its API key; `retry_after` is the whole seconds until the next one."""

    def __init__(self, message: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class OriginNotAllowed(ChangeoverError):
    """A browser's question whether a web page may send a request, from an origin that CORS_ORIGINS does not list."""

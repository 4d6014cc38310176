"""The counts of drift on the wire: `PUT /replicas/{replica}/counts`, from a replica to model_server.

Counts are those of a replica since the beginning of an hour, so a call that is repeated changes nothing, and a model_server
that restarts gets all of the hour again. No row and no value of one is in them.
"""

from typing import Annotated, Final, Self

import msgspec

from changeover.names import MODEL_NAME, is_version
from changeover.protocol.traffic_counts import TrafficCounts
from changeover.protocol.wire import MalformedAnswer

LARGEST_COUNTS: Final = 1024 * 1024  # bytes of one call
MOST_SLOTS: Final = 100_000
MOST_MODELS: Final = 1000  # with traffic, in one call
HOUR: Final = r"^\d{4}-\d\d-\d\dT\d\d$"  # in UTC, as the beginning of its RFC 3339
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class HourCounts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The counts of one version in one hour.

    `reference` is the digest of the reference whose bins `sums` are. `seen` rows were answered and `rows` of them counted: all
    of them, unless the replica had more than it could count. `again`: another run of model_server got most of them before.
    """

    model: str
    version: str
    reference: Annotated[str, msgspec.Meta(max_length=64)]
    hour: Annotated[str, msgspec.Meta(pattern=HOUR)]
    seen: _Count
    rows: _Count
    sums: Annotated[list[_Count], msgspec.Meta(max_length=MOST_SLOTS)]
    again: bool = False

    @property
    def key(self) -> str:
        """The name of these counts in `not_stored`."""
        return f"{self.model}/{self.version}/{self.hour}"


class ReplicaCounts(msgspec.Struct, frozen=True):
    """The body of the call. `traffic` has the totals of the worker by model, of those whose totals have changed."""

    replica: str
    counts: list[HourCounts]
    traffic: Annotated[dict[str, TrafficCounts], msgspec.Meta(max_length=MOST_MODELS)] = {}

    def encode(self) -> bytes:
        """The JSON form."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body; raises MalformedAnswer."""
        try:
            report = msgspec.json.decode(body, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedAnswer(f"these are no counts of a replica: {error}") from error
        for counts in report.counts:
            if not MODEL_NAME.fullmatch(counts.model) or not is_version(counts.version):
                raise MalformedAnswer(f"counts of {counts.model[:64]!r} name no model and version")
        return report

"""The wire format between the services: header names, the ETag and the JSON bodies.

Both services take these names from here, so that the two sides of a call cannot differ. The calls are listed in the
README.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from changeover.exceptions import ChangeoverError
from changeover.json_documents import read_document
from changeover.json_types import JsonObject
from changeover.names import MODEL_NAME as NAME_OF_A_MODEL
from changeover.names import is_version
from changeover.protocol.rehearsal_counts import RehearsalCounts
from changeover.protocol.watch_counts import WatchCounts

# model_server's response to the freshness check
LEASE_MS: Final = "Lease-Ms"
NEXT_VERSION: Final = "Next-Version"
SERVER_INSTANCE: Final = "Server-Instance"  # one value a run of model_server: a new value asks replicas to report again
CHECK_ALL: Final = "Check-All"  # `true`: this model_server has the calls for all models, `/current` and `/replicas/{r}`
# a replica's check
REPLICA_ID: Final = "Replica-Id"
REPLICA_SECRET: Final = "Replica-Secret"  # noqa: S105 a header: by it a replica is known
# the artifact
REPR_DIGEST: Final = "Repr-Digest"
# predict_api's responses
MODEL_NAME: Final = "Model-Name"
MODEL_VERSION: Final = "Model-Version"
MODEL_SEQUENCE: Final = "Model-Sequence"
MODEL_STALE: Final = "Model-Stale"
MODEL_RUNTIME: Final = "Model-Runtime"  # the runtime that computed the answer: onnx (the verified ONNX twin) or sklearn
MODEL_AGE: Final = "Model-Age"
IGNORED_COLUMNS: Final = "Ignored-Columns"  # names in the request that are no columns of the model, percent-encoded
REQUEST_ID: Final = "X-Request-Id"
TRACEPARENT: Final = "traceparent"  # W3C Trace Context
# webhooks (Standard Webhooks)
WEBHOOK_ID: Final = "webhook-id"
WEBHOOK_TIMESTAMP: Final = "webhook-timestamp"
WEBHOOK_SIGNATURE: Final = "webhook-signature"

LARGEST_BODY: Final = 4 * 1024**2  # bytes of a manifest, or of any other response of model_server but bytes of models
LONGEST_REHEARSAL_S: Final = 86_400.0  # of a rehearsal, from when every replica is ready
LONGEST_HOLD_S: Final = 7 * 86_400.0  # of a hold of a version's bytes; it may be placed again
LONGEST_TEXT: Final = 2000  # characters of a reason, a name, or any string from one service to the other
_MOST_VERSIONS: Final = 16  # in one report: a replica has the current version, the next, and a few that failed
_Name = Annotated[str, Meta(max_length=128)]
_Int = Annotated[int, Meta(gt=-(10**18), lt=10**18)]
_ETAG: Final = re.compile(r'"(\d{1,18})-([0-9a-f]{64})"')


class MalformedAnswer(ChangeoverError):
    """A response of the other service that does not follow the protocol."""


class VersionState(StrEnum):
    """The states of a version in lists."""

    ADMITTED = "admitted"
    REJECTED = "rejected"
    CURRENT = "current"
    RETIRED = "retired"
    REMOVED = "removed"


class RolloutState(StrEnum):
    """The states of a rollout; the last two are terminal."""

    PREPARING = "preparing"
    FENCING = "fencing"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True, order=True)
class Current:
    """The current version: the ledger's newest sequence number and its version. Ordered by sequence."""

    sequence: _Int
    version: _Name

    @property
    def etag(self) -> str:
        """The strong ETag of the freshness check, quotes included."""
        return f'"{self.sequence}-{self.version}"'

    @classmethod
    def from_etag(cls, text: str) -> Self:
        """Read an ETag; raises MalformedAnswer."""
        match = _ETAG.fullmatch(text)
        if match is None:
            raise MalformedAnswer(f'{text!r} is not an ETag of the form "<sequence>-<sha256>"')
        return cls(int(match.group(1)), match.group(2))

    def to_json(self, model: str) -> JsonObject:
        """The body of `GET /models/{m}/current`."""
        return {
            "model": model,
            "sequence": self.sequence,
            "version": self.version,
            "manifest": f"/models/{model}/versions/{self.version}",
            "artifact": f"/models/{model}/versions/{self.version}/artifact",
        }


class CurrentModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model in the response of `GET /current`.

    `sequence` and `version` are None without a current version. The lease of the response does not hold for a model that
    is `fenced`. `next_version` is to be prepared, and to be rehearsed under the id `rehearsal`, if it has one.
    The requests before and after its switch are counted under the id `watch`.
    """

    sequence: _Int | None = None
    version: _Name | None = None
    next_version: _Name | None = None
    fenced: bool = False
    rehearsal: _Name | None = None
    watch: _Name | None = None

    @classmethod
    def of(
        cls,
        current: Current | None,
        next_version: str | None,
        *,
        fenced: bool,
        rehearsal: str | None = None,
        watch: str | None = None,
    ) -> Self:
        """The entry of a model."""
        if current is None:
            return cls(next_version=next_version, fenced=fenced, rehearsal=rehearsal, watch=watch)
        return cls(current.sequence, current.version, next_version, fenced, rehearsal, watch)

    @property
    def current(self) -> Current | None:
        """The current version, or None."""
        return None if self.sequence is None or self.version is None else Current(self.sequence, self.version)


class CurrentModels(msgspec.Struct, frozen=True):
    """The body of `GET /current`: the models that have a current or a next version, by name."""

    models: dict[str, CurrentModel]

    def encode(self) -> bytes:
        """The JSON form; equal sets have equal bytes."""
        return msgspec.json.encode(self, order="sorted")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body; raises MalformedAnswer."""
        try:
            answer = msgspec.json.decode(body, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedAnswer(f"the answer to a check of all models is not as expected: {error}") from error
        for name, model in answer.models.items():
            versions = [version for version in (model.version, model.next_version) if version is not None]
            whole = (model.sequence is None) == (model.version is None)
            if not NAME_OF_A_MODEL.fullmatch(name) or not whole or not all(map(is_version, versions)):
                raise MalformedAnswer(f"the answer to a check of all models has no model and version in {name[:64]!r}")
        return answer


class ReplicaReport(msgspec.Struct, frozen=True):
    """The status report of a replica about one model: `PUT /models/{m}/replicas/{replica}`.

    `held` is the active version; `ready` are the versions that are loaded and warm, including `held`; `failed` gives
    the reason for each version that the replica could not prepare. `rehearsal` and `watch` have the counts of those under
    way. `fetched` are the versions whose verified bytes the replica has; an earlier release does not report them.
    """

    replica: str
    host: str
    pid: _Int
    held: Current | None
    ready: Annotated[frozenset[_Name], Meta(max_length=_MOST_VERSIONS)]
    failed: Annotated[dict[_Name, str], Meta(max_length=_MOST_VERSIONS)]
    rehearsal: RehearsalCounts | None = None
    watch: WatchCounts | None = None
    fetched: Annotated[frozenset[_Name], Meta(max_length=_MOST_VERSIONS)] = frozenset()

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        body: JsonObject = msgspec.to_builtins(self, order="deterministic")
        return body

    @classmethod
    def from_json(cls, body: JsonObject) -> Self:
        """Read a report and cut long strings; raises MalformedAnswer. Unknown members of later releases are ignored."""
        report = read_document({"held": None, **body}, cls, "report", MalformedAnswer)
        failed = {version: reason[:LONGEST_TEXT] for version, reason in report.failed.items()}
        return replace(report, host=report.host[:LONGEST_TEXT], failed=failed)


class ModelStatus(msgspec.Struct, frozen=True):
    """The status of one model in a report about several: the members of `ReplicaReport` that are the model's own."""

    held: Current | None
    ready: Annotated[frozenset[_Name], Meta(max_length=_MOST_VERSIONS)]
    failed: Annotated[dict[_Name, str], Meta(max_length=_MOST_VERSIONS)]
    rehearsal: RehearsalCounts | None = None
    watch: WatchCounts | None = None
    fetched: Annotated[frozenset[_Name], Meta(max_length=_MOST_VERSIONS)] = frozenset()


class ReplicaReports(msgspec.Struct, frozen=True):
    """The status report of a replica about several models: `PUT /replicas/{replica}`."""

    replica: str
    host: str
    pid: _Int
    models: dict[str, ModelStatus]

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        body: JsonObject = msgspec.to_builtins(self, order="deterministic")
        return body

    @classmethod
    def from_json(cls, body: JsonObject) -> dict[str, ReplicaReport]:
        """Read a report and cut long strings; returns the report of each model. Raises MalformedAnswer."""
        listed = body.get("models")
        if not isinstance(listed, dict):
            raise MalformedAnswer("the report has no member 'models'")
        common: JsonObject = {name: value for name, value in body.items() if name in {"replica", "host", "pid"}}
        return {
            model: ReplicaReport.from_json({**status, **common} if isinstance(status, dict) else common)
            for model, status in listed.items()
        }

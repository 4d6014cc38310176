"""The wire format between the services: header names, the ETag and the JSON bodies.

Both services take these names from here, so that the two sides of a call cannot differ. The calls are listed in the
README.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject

# model_server's response to the freshness check
LEASE_MS: Final = "Lease-Ms"
NEXT_VERSION: Final = "Next-Version"
SERVER_INSTANCE: Final = "Server-Instance"  # one value a run of model_server: a new value asks replicas to report again
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
REQUEST_ID: Final = "X-Request-Id"

LONGEST_TEXT: Final = 2000  # characters of a reason, a name, or any string from one service to the other
_MOST_VERSIONS: Final = 16  # in one report: a replica has the current version, the next, and a few that failed
_LONGEST_NAME: Final = 128
_ETAG: Final = re.compile(r'"(\d{1,18})-([0-9a-f]{64})"')


class MalformedAnswer(ChangeoverError):
    """A response of the other service that does not follow the protocol."""


class VersionState(StrEnum):
    """The states of a version in lists."""

    ADMITTED = "admitted"
    REJECTED = "rejected"
    CURRENT = "current"
    RETIRED = "retired"


class RolloutState(StrEnum):
    """The states of a rollout; the last two are terminal."""

    PREPARING = "preparing"
    FENCING = "fencing"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True, order=True)
class Current:
    """The current version: the ledger's newest sequence number and its version. Ordered by sequence."""

    sequence: int
    version: str

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


@dataclass(frozen=True)
class ReplicaReport:
    """The status report of a replica about one model: `PUT /models/{m}/replicas/{replica}`.

    `held` is the active version; `ready` are the versions that are loaded and warm, including `held`; `failed` gives
    the reason for each version that the replica could not prepare.
    """

    replica: str
    host: str
    pid: int
    held: Current | None = None
    ready: frozenset[str] = frozenset()
    failed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        held: Json = {"sequence": self.held.sequence, "version": self.held.version} if self.held else None
        return {
            "replica": self.replica,
            "host": self.host,
            "pid": self.pid,
            "held": held,
            "ready": list[Json](sorted(self.ready)),
            "failed": dict[str, Json](self.failed),
        }

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read a report and cut long strings; raises MalformedAnswer. Unknown members of later releases are ignored."""
        if not isinstance(body, dict):
            raise MalformedAnswer("a replica's report is no JSON object")
        held, ready, failed = body.get("held"), body.get("ready"), body.get("failed")
        replica, host, pid = body.get("replica"), body.get("host"), body.get("pid")
        if not isinstance(replica, str) or not isinstance(host, str) or not isinstance(pid, int) or not _is_int(pid):
            raise MalformedAnswer("a replica's report names its replica, host and pid")
        if not isinstance(ready, list) or not isinstance(failed, dict) or not _are_texts(ready, failed.values()):
            raise MalformedAnswer("a replica's report has a list 'ready' and an object 'failed', both of strings")
        if max(len(ready), len(failed)) > _MOST_VERSIONS or not _are_names(ready, failed):
            raise MalformedAnswer(
                f"a replica's report names at most {_MOST_VERSIONS} versions ready, and as many failed"
            )
        current = None
        if held is not None:
            if not isinstance(held, dict) or not _is_int(held.get("sequence")) or not _are_names([held.get("version")]):
                raise MalformedAnswer("a replica's report names the sequence and version it holds")
            current = Current(held["sequence"], held["version"])
        return cls(
            replica=replica,
            host=host[:LONGEST_TEXT],
            pid=pid,
            held=current,
            ready=frozenset(str(version) for version in ready),
            failed={str(version): str(reason)[:LONGEST_TEXT] for version, reason in failed.items()},
        )


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18


def _are_names(*groups: Iterable[object]) -> bool:
    return all(isinstance(value, str) and len(value) <= _LONGEST_NAME for group in groups for value in group)


def _are_texts(*groups: Iterable[object]) -> bool:
    return all(isinstance(value, str) for group in groups for value in group)

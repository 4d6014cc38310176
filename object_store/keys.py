"""The layout of the bucket: every key, built and parsed. No other file spells a key.

    incoming/<model>/<any name>                    drop zone: putting an object here is a publish
    incoming/<any name>                            the same, for the default model
    versions/<model>/<sha256>/model.joblib         the artifact, immutable
    versions/<model>/<sha256>/twin-<sha256>.onnx   its twin, if it has one; bound to it in the manifest
    versions/<model>/<sha256>/manifest.json        written last: it exists = the version exists
    versions/<model>/<sha256>/manifest-<number>.json   a later manifest, create-if-absent; the highest is valid
    rollouts/<model>/<sequence>.json               the ledger: eight digits from 00000001, create-if-absent
    current/<model>.json                           a hint: the newest ledger sequence; never the truth
    uploads/<model>/<uploaded_at>-<sha256>.json    a mark for each admitted raw upload; the newest lists last
    aborted/<model>/<id>.json                      a rollout that was aborted, and why; the newest lists last
    drift/<model>/<version>/<hour>.json            the counts of an hour, create-if-absent, for 30 days
    rejected/<model>/<name>                        an upload that failed admission
    rejected/<model>/<name>.reason.json            and why
    events/delivered/<address>.json                a cursor: the events that an address of WEBHOOK_URLS has taken
    events/outbox/<id>.json                        an event that no other object records, until it is delivered

`<any name>` may hold spaces, any script and further slashes.
"""

import re
from dataclasses import dataclass
from typing import Final

from changeover.exceptions import InvalidVersion
from changeover.names import MODEL_NAME, check_model_name, is_version
from object_store.exceptions import InvalidKey

INCOMING: Final = "incoming/"
VERSIONS: Final = "versions/"
ROLLOUTS: Final = "rollouts/"
CURRENT: Final = "current/"
UPLOADS: Final = "uploads/"
ABORTED: Final = "aborted/"
DRIFT: Final = "drift/"
REJECTED: Final = "rejected/"
EVENTS: Final = "events/"

FIRST_SEQUENCE: Final = 1
LAST_SEQUENCE: Final = 99_999_999

REASON: Final = ".reason.json"
_ESCAPED: Final = ".upload"
_LOOKS_LIKE_A_REASON: Final = re.compile(r".*\.reason\.json(\.upload)*", re.DOTALL)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_MARK: Final = re.compile(rf"({_MOMENT.pattern})-([0-9a-f]{{64}})\.json")
_MANIFEST: Final = re.compile(r"manifest(?:-([0-9]{8}))?\.json")
_SEQUENCE: Final = re.compile(r"(\d{8})\.json")
_HOUR: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d")
_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,127}")


@dataclass(frozen=True)
class Incoming:
    """An upload in the drop zone; `model` None means the default model."""

    model: str | None
    name: str


@dataclass(frozen=True)
class InvalidFolder:
    """An upload below a folder of `incoming/` whose name is no model name."""

    folder: str
    name: str


@dataclass(frozen=True)
class UploadMark:
    """The mark of a raw upload: `version` of `model`, at `uploaded_at` (RFC 3339, UTC, microseconds)."""

    model: str
    uploaded_at: str
    version: str


@dataclass(frozen=True)
class Rejected:
    """A rejected upload, or, with `is_reason`, the reason stored beside it."""

    model: str
    name: str
    is_reason: bool


def parse_incoming(key: str) -> Incoming | InvalidFolder | None:
    """Parse a key of the drop zone; None for other keys and for folder markers (they end in a slash).

    The name does not tell if the object is a model: admission decides that.
    """
    rest = _after(INCOMING, key)
    if not rest or rest.endswith("/"):
        return None
    folder, slash, name = rest.partition("/")
    if not slash:
        return Incoming(None, rest)
    return Incoming(folder, name) if MODEL_NAME.fullmatch(folder) else InvalidFolder(folder, name)


def artifact_key(model: str, version: str) -> str:
    """The key of a version's artifact."""
    return f"{version_prefix(model, version)}model.joblib"


def twin_key(model: str, version: str, digest: str) -> str:
    """The key of a version's ONNX twin; `digest` is the twin's SHA-256 from the manifest."""
    return f"{version_prefix(model, version)}twin-{digest}.onnx"


def manifest_key(model: str, version: str, number: int = 0) -> str:
    """The key of a version's manifest; the version exists once the one with number 0 does.

    A manifest is never overwritten: an update is the next number, and the highest is valid. Raises InvalidKey outside 0
    to 99,999,999.
    """
    if not 0 <= number <= LAST_SEQUENCE:
        raise InvalidKey(f"{number} is no number of a manifest: they run from 0 to {LAST_SEQUENCE}")
    return f"{version_prefix(model, version)}manifest{f'-{number:08d}' if number else ''}.json"


def versions_prefix(model: str) -> str:
    """The prefix of all versions of a model."""
    return f"{VERSIONS}{check_model_name(model)}/"


def version_prefix(model: str, version: str) -> str:
    """The prefix of one version's artifact and manifest."""
    if not is_version(version):
        raise InvalidVersion(f"{version!r} is not a version: 64 lowercase hex digits are")
    return f"{versions_prefix(model)}{version}/"


def parse_manifest(key: str) -> tuple[str, str, int] | None:
    """(model, version, number) if `key` is a manifest's, else None."""
    parsed = _parse_model(VERSIONS, key)
    version, _, name = parsed[1].partition("/") if parsed else ("", "", "")
    match = _MANIFEST.fullmatch(name)
    if parsed is None or match is None or not is_version(version):
        return None
    number = int(match[1] or 0)
    return None if number == 0 and match[1] else (parsed[0], version, number)


def rollouts_prefix(model: str) -> str:
    """The prefix of a model's ledger, oldest first."""
    return f"{ROLLOUTS}{check_model_name(model)}/"


def rollout_key(model: str, sequence: int) -> str:
    """The key of ledger entry `sequence`; raises InvalidKey outside 1 to 99,999,999."""
    if not FIRST_SEQUENCE <= sequence <= LAST_SEQUENCE:
        raise InvalidKey(f"{sequence} is no ledger sequence: they run from {FIRST_SEQUENCE} to {LAST_SEQUENCE}")
    return f"{rollouts_prefix(model)}{sequence:08d}.json"


def parse_rollout(key: str) -> tuple[str, int] | None:
    """(model, sequence) if `key` is a ledger entry's, else None."""
    parsed = _parse_model(ROLLOUTS, key)
    match = parsed and _SEQUENCE.fullmatch(parsed[1])
    if not parsed or not match or int(match[1]) < FIRST_SEQUENCE:
        return None
    return parsed[0], int(match[1])


def current_key(model: str) -> str:
    """The key of the hint: the newest known ledger sequence."""
    return f"{CURRENT}{check_model_name(model)}.json"


def parse_current(key: str) -> str | None:
    """The model if `key` is a hint's, else None."""
    rest = _after(CURRENT, key)
    model = rest.removesuffix(".json") if rest and rest.endswith(".json") else ""
    return model if MODEL_NAME.fullmatch(model) else None


def uploads_prefix(model: str) -> str:
    """The prefix of the marks of a model's admitted raw uploads, oldest first."""
    return f"{UPLOADS}{check_model_name(model)}/"


def upload_mark_key(model: str, uploaded_at: str, version: str) -> str:
    """The key of the mark of one admitted upload; deterministic.

    `uploaded_at` is the object's own time in the form of `changeover.process.clock.rfc3339`, so that keys sort by time.
    """
    if not _MOMENT.fullmatch(uploaded_at):
        raise InvalidKey(f"{uploaded_at!r} is not a time like 2026-01-31T12:00:00.000000Z; use clock.rfc3339")
    if not is_version(version):
        raise InvalidVersion(f"{version!r} is not a version: 64 lowercase hex digits are")
    return f"{uploads_prefix(model)}{uploaded_at}-{version}.json"


def parse_upload_mark(key: str) -> UploadMark | None:
    """Parse the key of an upload's mark; None for other keys."""
    parsed = _parse_model(UPLOADS, key)
    match = parsed and _MARK.fullmatch(parsed[1])
    return UploadMark(parsed[0], match[1], match[2]) if parsed and match else None


def aborted_prefix(model: str) -> str:
    """The prefix of a model's aborted rollouts, oldest first if their ids sort by time."""
    return f"{ABORTED}{check_model_name(model)}/"


def aborted_key(model: str, identity: str) -> str:
    """The key of an aborted rollout; `identity` is up to 128 of letters, digits, '.', '_', ':' and '-'."""
    if not _ID.fullmatch(identity):
        raise InvalidKey(f"{identity!r} cannot identify an aborted rollout: use letters, digits, '.', '_', ':', '-'")
    return f"{aborted_prefix(model)}{identity}.json"


def parse_aborted(key: str) -> tuple[str, str] | None:
    """(model, identity) if `key` is an aborted rollout's, else None."""
    parsed = _parse_model(ABORTED, key)
    if not parsed or not parsed[1].endswith(".json"):
        return None
    identity = parsed[1].removesuffix(".json")
    return (parsed[0], identity) if _ID.fullmatch(identity) else None


def drift_key(model: str, version: str, hour: str) -> str:
    """The key of the counts of `hour`, such as 2026-01-31T12 (UTC)."""
    if not is_version(version):
        raise InvalidVersion(f"{version!r} is not a version: 64 lowercase hex digits are")
    if not _HOUR.fullmatch(hour):
        raise InvalidKey(f"{hour!r} is no hour like 2026-01-31T12")
    return f"{DRIFT}{check_model_name(model)}/{version}/{hour}.json"


def parse_drift(key: str) -> tuple[str, str, str] | None:
    """(model, version, hour) if `key` is that of the counts of an hour, else None."""
    parsed = _parse_model(DRIFT, key)
    version, _, name = parsed[1].partition("/") if parsed else ("", "", "")
    hour = name.removesuffix(".json")
    if parsed is None or not is_version(version) or hour == name or not _HOUR.fullmatch(hour):
        return None
    return parsed[0], version, hour


def rejected_prefix(model: str) -> str:
    """The prefix of rejected uploads and their reasons."""
    return f"{REJECTED}{check_model_name(model)}/"


def rejected_key(model: str, name: str) -> str:
    """The key of a rejected upload (one that is named `*.reason.json` gets `.upload` appended)."""
    if not name or name.endswith("/"):
        raise InvalidKey(f"{name!r} cannot name a rejected upload: give it a file name")
    escaped = _ESCAPED if _LOOKS_LIKE_A_REASON.fullmatch(name) else ""
    return f"{rejected_prefix(model)}{name}{escaped}"


def reason_key(model: str, name: str) -> str:
    """The key of the reason for rejecting the upload `name`."""
    return f"{rejected_key(model, name)}{REASON}"


def parse_rejected(key: str) -> Rejected | None:
    """Parse the key of a rejected upload or its reason; None for other keys."""
    parsed = _parse_model(REJECTED, key)
    if not parsed:
        return None
    model, name = parsed
    is_reason = name.endswith(REASON)
    name = name.removesuffix(REASON)
    if _LOOKS_LIKE_A_REASON.fullmatch(name) and name.endswith(_ESCAPED):
        name = name.removesuffix(_ESCAPED)
    return Rejected(model, name, is_reason) if name and not name.endswith("/") else None


def delivered_key(address: str) -> str:
    """The key of the cursor of an address; `address` is hex digits of its hash."""
    return f"{EVENTS}delivered/{address}.json"


def outbox_prefix() -> str:
    """The prefix of the outbox."""
    return f"{EVENTS}outbox/"


def outbox_key(identity: str) -> str:
    """The key of an event in the outbox; `identity` as that of an aborted rollout."""
    if not _ID.fullmatch(identity):
        raise InvalidKey(f"{identity!r} cannot identify an event: use letters, digits, '.', '_', ':', '-'")
    return f"{outbox_prefix()}{identity}.json"


def _after(prefix: str, key: str) -> str | None:
    return key.removeprefix(prefix) if key.startswith(prefix) else None


def _parse_model(prefix: str, key: str) -> tuple[str, str] | None:
    model, slash, rest = (_after(prefix, key) or "").partition("/")
    return (model, rest) if slash and MODEL_NAME.fullmatch(model) else None

"""The keys of retention: tombstones of versions whose bytes were removed, their returns, and holds.

    versions/<model>/<sha256>/removed-<number>.json    a tombstone, create-if-absent: the bytes were removed
    versions/<model>/<sha256>/returned-<number>.json   the bytes were published again after the tombstone of this number
    holds/<model>/<version>/<until>-<name>.json        a caller that needs the bytes until then, such as a bulk run

A version is removed if its highest tombstone has a higher number than its highest return.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from changeover.names import MODEL_NAME, check_model_name, is_version
from object_store.exceptions import InvalidKey
from object_store.keys import LAST_SEQUENCE, VERSIONS, version_prefix

Kind = Literal["removed", "returned", "bytes"]
HOLD_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_RECORD: Final = re.compile(r"(removed|returned)-([0-9]{8})\.json")
_BYTES: Final = re.compile(r"model\.joblib|twin-[0-9a-f]{64}\.onnx")
_HOLD: Final = re.compile(rf"({_MOMENT.pattern})-({HOLD_NAME.pattern})\.json")


@dataclass(frozen=True)
class OfVersion:
    """A key below a version's prefix: a tombstone or a return with its number, or bytes (number 0)."""

    model: str
    version: str
    kind: Kind
    number: int = 0


@dataclass(frozen=True)
class HoldKey:
    """The key of a hold; `until` is RFC 3339, UTC, to the microsecond."""

    model: str
    version: str
    until: str
    name: str


def tombstone_key(model: str, version: str, number: int) -> str:
    """The key of a tombstone; raises InvalidKey outside 1 to 99,999,999."""
    return _record_key(model, version, "removed", number)


def returned_key(model: str, version: str, number: int) -> str:
    """The key of the return after tombstone `number`; raises InvalidKey outside 1 to 99,999,999."""
    return _record_key(model, version, "returned", number)


def parse_of_version(key: str) -> OfVersion | None:
    """The tombstone, return or bytes that `key` names; None for other keys, manifests among them."""
    model, _, rest = (key.removeprefix(VERSIONS) if key.startswith(VERSIONS) else "").partition("/")
    version, _, name = rest.partition("/")
    if not MODEL_NAME.fullmatch(model) or not is_version(version):
        return None
    if _BYTES.fullmatch(name):
        return OfVersion(model, version, "bytes")
    match = _RECORD.fullmatch(name)
    if match is None or int(match[2]) < 1:
        return None
    return OfVersion(model, version, "removed" if match[1] == "removed" else "returned", int(match[2]))


def holds_prefix(model: str, version: str = "") -> str:
    """The prefix of the holds of a model, or of one version of it."""
    return f"holds/{check_model_name(model)}/{f'{version}/' if version else ''}"


def hold_key(hold: HoldKey) -> str:
    """The key of a hold; raises InvalidKey."""
    if not is_version(hold.version) or not _MOMENT.fullmatch(hold.until) or not HOLD_NAME.fullmatch(hold.name):
        raise InvalidKey(f"{hold} is no hold: a version, a time to the microsecond and a name of 128 characters are")
    return f"{holds_prefix(hold.model, hold.version)}{hold.until}-{hold.name}.json"


def parse_hold(key: str) -> HoldKey | None:
    """The hold that `key` names, or None."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] != "holds" or not MODEL_NAME.fullmatch(parts[1]) or not is_version(parts[2]):
        return None
    match = _HOLD.fullmatch(parts[3])
    return HoldKey(parts[1], parts[2], match[1], match[2]) if match else None


def _record_key(model: str, version: str, kind: Kind, number: int) -> str:
    if not 1 <= number <= LAST_SEQUENCE:
        raise InvalidKey(f"{number} is no number of a tombstone: they run from 1 to {LAST_SEQUENCE}")
    return f"{version_prefix(model, version)}{kind}-{number:08d}.json"

"""The decision at the start on the current version: the pinned one, else the newest raw upload, else the ledger's."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from changeover.protocol.wire import Current


class Upload(Struct, frozen=True):
    """An admitted raw upload. Most stores keep whole seconds in `uploaded_at`; `sequence` is the ledger's then."""

    model: str
    version: str
    uploaded_at: str
    sequence: int
    name: str
    admitted_at: str = ""


@dataclass(frozen=True)
class Decision:
    """The version to roll, and the reason; `version` is None if the current version stays."""

    version: str | None
    reason: str


def pending_upload(uploads: Iterable[Upload], ledger: Iterable[Current]) -> Upload | None:
    """The newest admitted upload, or None if an entry after its arrival rolled it. Older uploads do not count."""
    newest = max(uploads, key=lambda upload: (upload.uploaded_at, upload.admitted_at), default=None)
    if newest is None:
        return None
    if any(entry.version == newest.version and entry.sequence > newest.sequence for entry in ledger):
        return None
    return newest


def decide(current: Current | None, pinned: str | None, upload: Upload | None) -> Decision:
    """The decision of a start. `upload` is the pending one, or None with `ROLL_INCOMING=never`."""
    if pinned is not None:
        if current is not None and current.version == pinned:
            return Decision(None, "MODEL_SHA256 is current")
        return Decision(pinned, "pinned by MODEL_SHA256")
    if upload is not None and (current is None or current.version != upload.version):
        return Decision(upload.version, f"uploaded to incoming/ as {upload.name!r}")
    return Decision(None, "the ledger stands")

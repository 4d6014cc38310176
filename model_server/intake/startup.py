"""What should be current at start: the pin, then the newest raw upload, then the ledger; first hit wins.

Carries "At start, and so on `docker compose restart model_server`" of the design. Pure: a decision from a snapshot.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from changeover.protocol.wire import Current


@dataclass(frozen=True)
class Upload:
    """A raw upload that was admitted: when it came (to the second, on most stores), and the ledger's sequence then."""

    model: str
    version: str
    uploaded_at: str
    sequence: int
    name: str
    admitted_at: str = ""


@dataclass(frozen=True)
class Rolled:
    """A ledger entry, as far as the decision needs it."""

    sequence: int
    version: str


@dataclass(frozen=True)
class Decision:
    """What to roll, and why; `version` is None if what is current stays."""

    version: str | None
    reason: str


def pending_upload(uploads: Iterable[Upload], ledger: Iterable[Rolled]) -> Upload | None:
    """The newest admitted upload, if no entry written after it arrived rolled it; older uploads are superseded."""
    newest = max(uploads, key=lambda upload: (upload.uploaded_at, upload.admitted_at), default=None)
    if newest is None:
        return None
    if any(entry.version == newest.version and entry.sequence > newest.sequence for entry in ledger):
        return None
    return newest


def decide(current: Current | None, pinned: str | None, upload: Upload | None) -> Decision:
    """What a start should roll. `upload` is the pending one, or None where `ROLL_INCOMING` says never."""
    if pinned is not None:
        if current is not None and current.version == pinned:
            return Decision(None, "MODEL_SHA256 is current")
        return Decision(pinned, "pinned by MODEL_SHA256")
    if upload is not None and (current is None or current.version != upload.version):
        return Decision(upload.version, f"uploaded to incoming/ as {upload.name!r}")
    return Decision(None, "the ledger stands")

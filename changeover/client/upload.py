"""The body of a publish request: the artifact streamed from disk, its manifest and its digest.

It is sent by `POST /models/{m}/versions`. The file is read twice, once for its SHA-256 and once for sending, and is
never held in memory.
"""

import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft
from changeover.names import short
from changeover.protocol.wire import VersionState

_BLOCK: Final = 1 << 18
Progress = Callable[[int, int], None]  # bytes sent, bytes in all


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of the file `path`, which is its version."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Body:
    """A request body of known length, read block by block: `requests` streams it.

    Without a manifest it is the artifact itself; with one it is `multipart/form-data` (RFC 7578) with the parts
    `manifest` and `artifact`.
    """

    def __init__(self, artifact: BinaryIO, size: int, draft: Draft | None, progress: Progress | None = None) -> None:
        self._progress = progress
        if draft is None:
            self.content_type = "application/octet-stream"
            head = tail = b""
        else:
            boundary = secrets.token_hex(16)
            self.content_type = f"multipart/form-data; boundary={boundary}"
            manifest = json.dumps(draft.to_json(), allow_nan=False).encode("utf-8")
            head = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="manifest"\r\n'
                "Content-Type: application/json\r\n\r\n"
            ).encode("ascii")
            head += manifest
            head += (
                f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="artifact"; filename="model.joblib"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode("ascii")
            tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        self._sources: list[BinaryIO] = [io.BytesIO(head), artifact, io.BytesIO(tail)]
        self._length = len(head) + size + len(tail)
        self._sent = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK):
            yield block

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; empty at the end. Reports progress."""
        wanted = _BLOCK if size < 0 else size
        while self._sources:
            block = self._sources[0].read(wanted)
            if block:
                self._sent += len(block)
                if self._progress is not None:
                    self._progress(self._sent, self._length)
                return block
            self._sources.pop(0)
        return b""


@dataclass(frozen=True)
class Published:
    """The result of a publish. `created` is False if the same bytes were published before.

    `updated` has the members of the manifest that this publish of known bytes added or replaced. `returned`: the bytes had
    been removed (docs/retention.md), and are there again.
    """

    model: str
    version: str
    state: str
    created: bool
    warnings: list[str] = field(default_factory=list)
    rollout: JsonObject | None = None
    updated: list[str] = field(default_factory=list)
    returned: bool = False

    def __repr__(self) -> str:
        lines = [f"{self.model} {short(self.version)} is {self.state}, {'new' if self.created else 'already there'}"]
        if self.returned:
            lines.append("its bytes are there again")
        if self.updated:
            lines.append(f"added: {', '.join(self.updated)}")
        if self.state == VersionState.ADMITTED:
            lines.append(f"roll it: Client().roll({short(self.version)!r}, model={self.model!r})")
        lines += [f"warning: {warning}" for warning in self.warnings]
        return f"<{'; '.join(lines)}>"

    def to_json(self) -> JsonObject:
        """The same as JSON."""
        return asdict(self)

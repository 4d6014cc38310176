"""The floors of the ledgers: the newest entry of each model that this model_server has verified, in a file of its own.

The file is outside the bucket, so that a writer of the bucket cannot put an older ledger in place of the newest one.
"""

import threading
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from changeover.process.atomic_file import write_atomically
from changeover.process.log_events import event

NAME: Final = "ledger_floors.json"


class Floor(Struct, frozen=True):
    """A verified entry: its sequence, and the SHA-256 of its stored bytes."""

    sequence: Annotated[int, Meta(ge=0)]
    sha256: str


NOTHING: Final = Floor(0, "")


class Floors:
    """The floors. Thread-safe. Without a `folder` they last as long as the process."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder else None
        self._lock = threading.Lock()
        self._floors = self._kept()

    def of(self, model: str) -> Floor:
        """The floor of a model."""
        return self._floors.get(model, NOTHING)

    def lift(self, model: str, floor: Floor) -> None:
        """Lift the floor of a model to `floor`, unless it is there or higher."""
        with self._lock:
            if self.of(model).sequence >= floor.sequence:
                return
            self._floors = {**self._floors, model: floor}
            if self._path is None:
                return
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, msgspec.json.encode(self._floors, order="sorted"))
            except OSError as error:
                event("floors.unkept", level="warning", reason=f"{self._path}: {error.strerror}")

    def _kept(self) -> dict[str, Floor]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Floor])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            event("floors.unreadable", level="error", reason=f"{self._path}: {error}; it begins again")
            return {}

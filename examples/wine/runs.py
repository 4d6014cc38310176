"""The log of the retraining, one JSON line a run, and the lock that allows one run at a time."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from changeover.exceptions import ChangeoverError

LOG: Final = "runs.jsonl"
LOCK: Final = "retrain.lock"


class AnotherRun(ChangeoverError):
    """A run is under way in the same folder."""


class Outcome(StrEnum):
    """The outcome of a run."""

    PROMOTED = "promoted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Run:
    """One run. `slots` maps names to SHA-256, `rows` counts training rows, `repeated` counts dropped rows.

    `reason` explains the `outcome`; figures and version are None if the run failed before it had them.
    """

    time: str
    slots: dict[str, str]
    outcome: Outcome
    reason: str
    rows: int | None = None
    repeated: int | None = None
    f1_macro: float | None = None
    version: str | None = None


def append(folder: Path, run: Run) -> None:
    """Append one line to the log; a line that a crash cut off stays a separate line."""
    path = folder / LOG
    torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as log:
        log.write(("\n" if torn else "") + json.dumps(asdict(run)) + "\n")


def lines(folder: Path) -> list[dict[str, object]]:
    """Every run of the log, oldest first; lines that are no JSON object are skipped."""
    found = []
    path = folder / LOG
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict):
            found.append(run)
    return found


def newest_settled(folder: Path) -> dict[str, object] | None:
    """The newest run that did not fail, or None."""
    settled = [run for run in lines(folder) if run.get("outcome") != Outcome.FAILED]
    return settled[-1] if settled else None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises AnotherRun immediately if another process holds it. The lock ends with its process."""
    with (folder / LOCK).open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRun(f"another run is under way in {folder}: nothing done") from None
        yield

"""The verdict on a model: green, amber or red, with the word and one sentence.

It compares the current version with what each worker last reported.
"""

from collections.abc import Sequence

from msgspec import Struct

from changeover.names import short
from changeover.protocol.wire import Current
from model_server.console.words import duration, plural


class Worker(Struct, frozen=True):
    """One replica: the version by which it answers, and the seconds since it was last heard from."""

    replica: str
    host: str
    pid: int
    held: Current | None
    silent_s: float
    awaited: bool
    ready: frozenset[str]
    failed: dict[str, str]
    fetched: frozenset[str] = frozenset()


class Verdict(Struct, frozen=True):
    """The verdict: `level` is green, amber or red, `word` stands beside the colour."""

    level: str
    word: str
    sentence: str


def judge(current: Current | None, workers: Sequence[Worker]) -> Verdict:
    """The verdict on `current`, None if no version is."""
    if current is None:
        return Verdict("amber", "no version", "No version answers yet. Roll one, and it becomes current.")
    awaited = [worker for worker in workers if worker.awaited]
    silent = [worker for worker in workers if not worker.awaited]
    behind = [worker for worker in awaited if worker.held is None or worker.held.sequence != current.sequence]
    if not awaited:
        return _without_workers(silent)
    if behind:
        return Verdict("red", "behind", " ".join(map(_behind, behind[:2])) + _more(len(behind)))
    if silent:
        longest = max(silent, key=lambda worker: worker.silent_s)
        sentence = (
            f"{plural(len(awaited), 'worker')} confirmed {short(current.version)}. Worker {longest.replica} has been "
            f"silent for {_coarse(longest.silent_s)}: if it runs, its answers say that they are stale.{_more(len(silent), 1)}"
        )
        return Verdict("amber", "worker silent", sentence)
    every = "The one worker answers" if len(awaited) == 1 else f"All {len(awaited)} workers answer"
    return Verdict("green", "confirmed", f"{every} by {short(current.version)}.")


def _without_workers(silent: Sequence[Worker]) -> Verdict:
    if silent:
        since = _coarse(min(worker.silent_s for worker in silent))
        return Verdict("red", "no worker", f"No worker has been heard from for {since}: predict_api may be down.")
    return Verdict("amber", "no worker", "No worker has reported to this model_server, so none confirms this version.")


def _behind(worker: Worker) -> str:
    by = f"by {short(worker.held.version)}" if worker.held else "without a version"
    return f"Worker {worker.replica} answers {by}: it last checked {_coarse(worker.silent_s)} ago."


def _more(count: int, shown: int = 2) -> str:
    return f" And {count - shown} more." if count > shown else ""


def _coarse(seconds: float) -> str:
    """A duration that does not change each second, so that a screen reader is not interrupted."""
    if seconds < 10:
        return "a moment"
    return duration(seconds // 10 * 10) if seconds < 60 else duration(seconds // 60 * 60)

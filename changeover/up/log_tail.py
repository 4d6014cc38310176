"""The log files of the services in `HOME/log`: one a service, and `.1` for the previous run.

Warnings and errors are repeated on the terminal as one line each; other lines stay in the file.
"""

import json
from pathlib import Path
from typing import Final

_LOUD: Final = {"warning", "error", "critical"}
_QUIET_SECONDS: Final = 10.0
_SHOWN_FIELDS: Final = ("detail", "reason", "error", "message", "model", "version", "name")


def fresh_log(folder: Path, name: str) -> Path:
    """A new log for `name` in `folder`; the log of the previous run is renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path


class LogTail:
    """The reader of new lines in one log; it picks those for the operator."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path
        self._offset = 0
        self._partial = b""
        self._last_shown: dict[str, float] = {}

    def read(self, now: float, *, warnings: bool = True) -> list[str]:
        """Errors (and warnings) since the last call; the same event at most once in 10 seconds."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return []
        self._offset += len(added)
        *lines, self._partial = (self._partial + added).split(b"\n")
        sentences = []
        for line in lines:
            event = _event(line)
            if event is None or (event["level"] == "warning" and not warnings):
                continue
            if now - self._last_shown.get(str(event.get("event")), -_QUIET_SECONDS) < _QUIET_SECONDS:
                continue
            self._last_shown[str(event.get("event"))] = now
            sentences.append(f"{self._name}: {event['level']}: {_sentence(event)}")
        return sentences


def _event(line: bytes) -> dict[str, object] | None:
    """The JSON event in `line` if its level is high enough."""
    if not line.startswith(b"{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("level") in _LOUD else None


def _sentence(event: dict[str, object]) -> str:
    fields = " ".join(f"{name}={str(event[name])[:200]}" for name in _SHOWN_FIELDS if event.get(name))
    return f"{event.get('event')} {fields}".rstrip()

"""Structured logs: one JSON object a line on standard error.

`event("rollout.committed", model="loan", took_ms=412)` logs an event. Fields that `bind` sets, such as a request's id,
are on every event of that thread until `unbind`. `log_writer.py` writes the lines, so logging never blocks. No secret
is ever a field, and control characters are escaped.
"""

import json
import logging
import sys
from typing import Final

from changeover.process.clock import utc_now
from changeover.process.log_writer import LogWriter
from changeover.process.visible import dumps

# structlog imports rich where it is installed, for tracebacks in colour, which a service does not write: 5 MB a process
_RICH: Final = "rich" not in sys.modules
if _RICH:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if _RICH:
    del sys.modules["rich"]

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(service: str, level: str = "info") -> None:
    """Send events of `level` and above, and warnings of libraries, to standard error as JSON lines."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(dumps, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.lower()]),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _SERVICE["service"] = service
    _logged.clear()
    _logged.update(name for name, number in _LEVELS.items() if number >= _LEVELS[level.lower()])


_SERVICE: dict[str, str] = {}
_logged: set[str] = set(_LEVELS)


def is_logged(level: str) -> bool:
    """Whether events of `level` are written; to skip the cost of computing their fields."""
    return level in _logged


def flush() -> None:
    """Wait, a second at most, until every event so far is written."""
    _WRITER.flush()


class _Lines:
    """The sink of structlog's finished lines, of every level."""

    def __init__(self, *args: object) -> None:
        self.msg = self.log = self.debug = self.info = self.warning = self.error = _WRITER.put


def _dropped(lines: int) -> str:
    """The line that replaces lines dropped because standard error was not read."""
    reason = "standard error was not read in time"
    fields = {
        "lines": lines,
        "reason": reason,
        **_SERVICE,
        "event": "log.dropped",
        "level": "warning",
        "time": utc_now(),
    }
    return json.dumps(fields)


_WRITER: Final = LogWriter(_dropped)


def bind(**fields: object) -> None:
    """Add `fields` to every further event of this thread."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**_SERVICE, **fields)


def unbind() -> None:
    """Remove the fields that `bind` added."""
    structlog.contextvars.clear_contextvars()


def event(name: str, /, *, level: str = "info", error: BaseException | None = None, **fields: object) -> None:
    """Log the event `name` (`rollout.committed`) with `fields`; `error` adds its traceback, for operators only."""
    if error is not None:
        fields["exc_info"] = error
    for key, value in _SERVICE.items():
        fields.setdefault(key, value)
    structlog.get_logger().log(_LEVELS[level], name, **fields)

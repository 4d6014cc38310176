"""Logs are events with fields, one JSON object a line on standard error.

`event("rollout.committed", model="loan", took_ms=412)`. What is bound with `bind` (a request's id) is on every event
of that thread until `unbind`. No secret is ever a field.
"""

import logging
import sys
from typing import Final

import structlog

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
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.lower()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _SERVICE["service"] = service


_SERVICE: dict[str, str] = {}


def bind(**fields: object) -> None:
    """Put `fields` on every further event of this thread."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**_SERVICE, **fields)


def unbind() -> None:
    """Forget what `bind` put on this thread's events."""
    structlog.contextvars.clear_contextvars()


def event(name: str, /, *, level: str = "info", error: BaseException | None = None, **fields: object) -> None:
    """Log the event `name` (`rollout.committed`) with `fields`; `error` adds its traceback, for operators only."""
    if error is not None:
        fields["exc_info"] = error
    for key, value in _SERVICE.items():
        fields.setdefault(key, value)
    structlog.get_logger().log(_LEVELS[level], name, **fields)

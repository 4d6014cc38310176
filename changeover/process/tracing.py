"""Tracing: the trace context of each thread, and spans for an OpenTelemetry collector where `OTEL_*` asks for them.

A `traceparent` that comes in is passed on to other services and is in the log, with or without spans. Spans need the extra
`changeover[otel]`. OpenTelemetry is imported by `changeover/process/otel.py`, only when spans are on. `docs/tracing.md`
lists the spans and the variables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

from changeover.process.log_events import event
from changeover.process.settings import variables_of_platform
from changeover.process.spans import Attributes, Otel, Span
from changeover.protocol.trace_context import trace_id
from changeover.protocol.wire import TRACEPARENT

_EXPORTER, _DISABLED = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NAMES: Final = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
_outgoing: ContextVar[str | None] = ContextVar(TRACEPARENT, default=None)
_otel: Otel | None = None


def configure(service: str) -> None:
    """Begin to send the spans of this process, if `OTEL_*` asks for it; call it once in each process, after a fork."""
    global _otel
    variables = variables_of_platform(_EXPORTER, _DISABLED, *_ENDPOINTS, *_PROTOCOLS, *_NAMES)
    if not asks_for_spans(variables):
        return
    try:
        from changeover.process.otel import Otel
    except ImportError as error:
        reason = f"{error}: install the extra, pip install 'changeover[otel]'"
        event("tracing.unavailable", level="error", reason=reason)
        return
    named = "OTEL_SERVICE_NAME" in variables or "service.name=" in variables.get("OTEL_RESOURCE_ATTRIBUTES", "")
    _otel = Otel(None if named else service)
    event("tracing.on", service_name=variables.get("OTEL_SERVICE_NAME", service))


def asks_for_spans(variables: dict[str, str]) -> bool:
    """Whether the `OTEL_*` variables that are set ask for spans; logs an error if they ask for what there is not."""
    if variables.get(_DISABLED, "").strip().lower() == "true":
        return False
    exporter = variables.get(_EXPORTER, "otlp" if any(name in variables for name in _ENDPOINTS) else "none")
    protocol = next((variables[name] for name in _PROTOCOLS if name in variables), "http/protobuf")
    if exporter == "none":
        return False
    if exporter != "otlp" or protocol != "http/protobuf":
        reason = f"{_EXPORTER}={exporter} by {protocol} is not there: otlp by http/protobuf is"
        event("tracing.unavailable", level="error", reason=reason)
        return False
    return True


def stop() -> None:
    """Send the spans that were not sent yet, and end tracing."""
    global _otel
    if _otel is not None:
        _otel.stop()
        _otel = None


def active() -> Otel | None:
    """OpenTelemetry in this process, None if it is off."""
    return _otel


def outgoing() -> str | None:
    """The `traceparent` for calls of this thread to other services."""
    return _outgoing.get()


@contextmanager
def passing_on(traceparent: str | None) -> Iterator[None]:
    """The context in which calls of this thread to other services have this `traceparent`, if it is valid."""
    token = _outgoing.set(traceparent if trace_id(traceparent) else None)
    try:
        yield
    finally:
        _outgoing.reset(token)


@contextmanager
def span(name: str, attributes: Attributes = MappingProxyType({})) -> Iterator[None]:
    """The context of a span below that of this thread, or below `outgoing`; without spans nothing changes."""
    if _otel is None:
        yield
        return
    with _otel.span(name, _outgoing.get(), attributes) as entered, passing_on(entered.traceparent):
        yield


def begin(name: str, attributes: Attributes) -> Span | None:
    """A span that another thread may end; None without spans."""
    return None if _otel is None else _otel.begin(name, _outgoing.get(), attributes)

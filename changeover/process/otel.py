"""OpenTelemetry: spans, sent by OTLP over HTTP in a thread of its own. Needs the extra `changeover[otel]`.

The SDK reads the endpoint, headers, sampler and batch sizes from the `OTEL_*` variables of its specification.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from changeover import __version__
from changeover.process.log_events import event
from changeover.process.spans import Attributes
from changeover.protocol.wire import TRACEPARENT

_PROPAGATOR = TraceContextTextMapPropagator()


class Span:
    """One span. `traceparent` is the header for calls on its behalf."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
        self.traceparent = carrier.get(TRACEPARENT)

    def set(self, attributes: Attributes) -> None:
        """Set attributes."""
        self._span.set_attributes(attributes)

    def note(self, name: str) -> None:
        """Add an event at this moment."""
        self._span.add_event(name)

    def fail(self, reason: str) -> None:
        """Mark the span as failed."""
        self._span.set_status(Status(StatusCode.ERROR, reason))

    def end(self) -> None:
        """End the span now."""
        self._span.end()


class Otel:
    """The spans of this process. Thread-safe."""

    def __init__(self, service: str | None) -> None:
        """`service` is the name of the service, None if a variable has it."""
        _log_as_events()
        resource = Resource.create({} if service is None else {SERVICE_NAME: service})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("changeover", __version__)

    def begin(self, name: str, traceparent: str | None, attributes: Attributes) -> Span:
        """A span below that of this thread, else below `traceparent`."""
        return Span(self._tracer.start_span(name, _parent(traceparent), attributes=attributes))

    @contextmanager
    def span(
        self, name: str, traceparent: str | None, attributes: Attributes, *, of_a_server: bool = False
    ) -> Iterator[Span]:
        """The context of such a span; an error of the block is its status. `of_a_server`: it is that of a request.

        A block that ends by what is no Exception, such as the attempt of a request that begins again, has no span.
        """
        kind = SpanKind.SERVER if of_a_server else SpanKind.INTERNAL
        span = self._tracer.start_span(name, _parent(traceparent), kind=kind, attributes=attributes)
        try:
            with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                yield Span(span)
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            span.end()
            raise
        span.end()

    def stop(self) -> None:
        """Send what was not sent yet, and end the thread."""
        self._provider.shutdown()


def _parent(traceparent: str | None) -> Context | None:
    """The context of the caller's span; None: that of this thread."""
    if traceparent is None or trace.get_current_span().get_span_context().is_valid:
        return None
    return _PROPAGATOR.extract({TRACEPARENT: traceparent})


class _Events(logging.Handler):
    """The messages of OpenTelemetry as events of our log."""

    def emit(self, record: logging.LogRecord) -> None:
        event("tracing.failed", level="warning", reason=record.getMessage())


def _log_as_events() -> None:
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False
    logger.handlers = [_Events(logging.WARNING)]

"""The interfaces of spans, so that their users need no OpenTelemetry."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

Attributes = Mapping[str, str | int]


class Span(Protocol):
    """A span. `traceparent` is the header for calls on its behalf."""

    traceparent: str | None

    def set(self, attributes: Attributes) -> None:
        """Set attributes."""

    def note(self, name: str) -> None:
        """Add an event at this moment."""

    def fail(self, reason: str) -> None:
        """Mark the span as failed."""

    def end(self) -> None:
        """End the span now."""


class Otel(Protocol):
    """OpenTelemetry in this process: `changeover/process/otel.py`."""

    def begin(self, name: str, traceparent: str | None, attributes: Attributes) -> Span:
        """A span below that of this thread, else below `traceparent`."""

    def span(
        self, name: str, traceparent: str | None, attributes: Attributes, *, of_a_server: bool = False
    ) -> AbstractContextManager[Span]:
        """The context of such a span."""

    def stop(self) -> None:
        """Send what was not sent yet."""

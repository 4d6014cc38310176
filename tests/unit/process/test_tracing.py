"""The trace context of a thread, and the variables that ask for spans."""

import pytest

from changeover.process import tracing
from changeover.protocol.trace_context import trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER = f"00-{TRACE}-00f067aa0ba902b7-01"
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER, TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-a-later-version-adds", TRACE),
        (None, None),
        ("", None),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (HEADER.upper(), None),
        (HEADER + "\nx", None),
    ],
)
def test_the_trace_of_a_valid_header_has_an_id(header: str | None, expected: str | None) -> None:
    assert trace_id(header) == expected


def test_a_valid_header_is_passed_on_within_the_block_only() -> None:
    with tracing.passing_on(HEADER):
        assert tracing.outgoing() == HEADER
        with tracing.passing_on("no header"):
            assert tracing.outgoing() is None
    assert tracing.outgoing() is None


@pytest.mark.parametrize(
    ("variables", "asks"),
    [
        ({}, False),
        (OTLP, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**OTLP, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**OTLP, "OTEL_SDK_DISABLED": "true"}, False),
        ({**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
        ({**OTLP, "OTEL_TRACES_EXPORTER": "zipkin"}, False),
    ],
)
def test_variables_of_the_specification_ask_for_spans(variables: dict[str, str], asks: bool) -> None:
    assert tracing.asks_for_spans(variables) is asks

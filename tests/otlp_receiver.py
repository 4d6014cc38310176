"""A receiver of spans: the HTTP side of an OpenTelemetry collector, in this process on the loopback interface."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """One span. Ids are hex digits; `parent` is empty for the first span of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object]
    events: list[str]


class Receiver:
    """The spans that came so far, and the address to which they are sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Received] = []

    def of(self, trace: str) -> dict[tuple[str, str], Received]:
        """The spans of a trace, by service and name."""
        return {(span.service, span.name): span for span in list(self.spans) if span.trace == trace}

    def take(self, body: bytes) -> None:
        """Add the spans of one request of the protocol."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    Received(
                        names["service.name"],
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        {one.key: one.value.string_value or one.value.int_value for one in span.attributes},
                        [event.name for event in span.events],
                    )
                    for span in scope.spans
                ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that runs until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            receiver.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()

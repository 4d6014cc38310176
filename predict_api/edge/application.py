"""The application of a worker for granian (RSGI): each request gets its body, then a thread, then the WSGI application.

granian calls it in one thread, which must never wait. That thread answers `/livez`, and predictions that are known to be
quick and to wait for nothing. `/readyz` and `/metrics` have threads of their own. All others go through the bounded queue.
So neither stalled senders nor busy models take what a probe needs.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter, thread_time
from typing import Final
from wsgiref.types import WSGIApplication, WSGIEnvironment

from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from predict_api.edge.bodies import Bodies, Connection
from predict_api.edge.costs import Cost, cells_of
from predict_api.edge.environ import Scope, environ_of
from predict_api.edge.heads import Heads, can_be_watched
from predict_api.edge.queue import Entry, Queue
from predict_api.exceptions import BodyCutOff, BodyTooSlow, Overloaded
from predict_api.prediction.turn import REFUSAL, MustWait, taking, without_waiting
from predict_api.settings import PredictSettings

QUICK_SECONDS: Final = 0.002  # a prediction that is answered in granian's thread delays all others by this at most
QUICK_BYTES: Final = 64 * 1024
PROBE_THREADS: Final = 2
LOOK_EVERY: Final = 0.05  # seconds between two looks for what is late
_SKIPPED: Final = 1000  # requests of a route after one that would have waited, before one is tried again
_PROBES: Final = frozenset({"/readyz", "/metrics"})
Headers = list[tuple[str, str]]


class EdgeApplication:
    """The RSGI application in front of `wsgi`."""

    def __init__(self, wsgi: WSGIApplication, settings: PredictSettings) -> None:
        self._wsgi = wsgi
        self._queue = Queue(settings.threads, settings.queue_seconds, now)
        self._bodies = Bodies(settings.max_body_bytes, settings.body_seconds, now)
        self._heads = Heads(settings.predict_port, settings.body_seconds, now)
        self._threads = ThreadPoolExecutor(self._queue.most_threads, "request")
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._late = LateLoop(self._queue, self._bodies, self._heads, settings.body_seconds)
        self._waits: dict[str, int] = {}  # by route: how many requests will not be tried in granian's thread

    def start(self) -> None:
        """Start the thread that ends what is late."""
        self._late.start()

    async def __call__(self, scope: Scope, connection: Connection) -> None:
        """Answer one request."""
        began = self._heads.begin(scope.client)
        try:
            await self._answered(scope, connection, began)
        finally:
            self._heads.end(scope.client)

    async def _answered(self, scope: Scope, connection: Connection, began: float) -> None:
        environ = environ_of(scope)
        path: str = environ["PATH_INFO"]
        if path == "/livez":
            self._respond(connection, environ)
            return
        if path in _PROBES:
            await self._probed(connection, environ)
            return
        try:
            body = await self._bodies.read(connection, environ, began)
        except BodyTooSlow as error:
            environ[REFUSAL] = error.with_traceback(None)  # it would keep the connection open
            self._respond(connection, environ, ("Connection", "close"))
            return
        except RuntimeError:  # granian's error: the caller has closed the connection, or at least its half of it
            announced = environ.get("CONTENT_LENGTH", "more")
            environ[REFUSAL] = BodyCutOff(f"the body announces {announced} bytes, and ended before")
            self._respond(connection, environ)
            return
        environ["wsgi.input"] = io.BytesIO(body)
        cells = cells_of(body, environ.get("CONTENT_TYPE", ""))
        if not self._answered_at_once(connection, environ, path, cells, len(body)):
            await self._queued(connection, environ, path, cells, len(body))

    def _answered_at_once(
        self, connection: Connection, environ: WSGIEnvironment, path: str, cells: int, size: int
    ) -> bool:
        """Whether the request was answered in this thread, because it is known to be quick and to wait for nothing."""
        if size > QUICK_BYTES:
            return False
        if (skip := self._waits.get(path, 0)) > 0:
            self._waits[path] = skip - 1
            return False
        cost = self._queue.expected(path, cells)
        if cost is None or cost.wall > QUICK_SECONDS:
            return False
        began = perf_counter()
        try:
            with without_waiting():
                answered = self._respond(connection, environ)
        except MustWait:
            self._waits[path] = _SKIPPED
            environ["wsgi.input"].seek(0)
            return False
        took = perf_counter() - began
        self._queue.record(path, cells, Cost(took, took), answered=answered)
        return True

    async def _queued(self, connection: Connection, environ: WSGIEnvironment, path: str, cells: int, size: int) -> None:
        """Answer the request by way of the queue; it is dropped there if its caller goes."""
        gone = connection.client_disconnect()

        def work(entry: Entry) -> None:
            began = thread_time()
            answered = False
            try:
                with taking(entry):
                    answered = self._respond(connection, environ)
            finally:
                self._queue.ended(entry, thread_time() - began, answered=answered)
                gone.cancel()

        def refuse(reason: str) -> None:
            environ[REFUSAL] = Overloaded(reason)
            self._respond(connection, environ)
            gone.cancel()

        entry = Entry(path, cells, size, lambda entry: self._threads.submit(work, entry), refuse)
        self._queue.put(entry)
        try:
            await gone
        except asyncio.CancelledError:
            return
        self._queue.leave(entry)

    async def _probed(self, connection: Connection, environ: WSGIEnvironment) -> None:
        """Answer a probe in a thread of its own."""
        ended = connection.client_disconnect()

        def work() -> None:
            try:
                self._respond(connection, environ)
            finally:
                ended.cancel()

        self._probes.submit(work)
        with suppress(asyncio.CancelledError):
            await ended

    def _respond(self, connection: Connection, environ: WSGIEnvironment, *more: tuple[str, str]) -> bool:
        """Run the WSGI application and send its response; returns whether the status was 200."""
        status, headers = "", list[tuple[str, str]]()

        def start(line: str, fields: Headers, _exc_info: object = None) -> None:
            nonlocal status, headers
            status, headers = line, fields

        pieces = self._wsgi(environ, start)  # type: ignore[arg-type]
        connection.response_bytes(int(status[:3]), [*headers, *more], b"".join(pieces))
        return status.startswith("200")


class LateLoop(Loop):
    """The thread that ends what is late: heads and bodies that do not come, requests that have waited for too long."""

    def __init__(self, queue: Queue, bodies: Bodies, heads: Heads, body_seconds: float) -> None:
        super().__init__("late-requests")
        self._queue, self._bodies, self._heads = queue, bodies, heads
        self._heads_every = max(LOOK_EVERY, body_seconds / 10) if can_be_watched() else float("inf")
        self._heads_next = 0.0

    def run_once(self, time: float) -> float:
        """End what is late; returns the seconds until the next look."""
        try:
            self._queue.refuse_late()
            self._bodies.end_late()
            if time >= self._heads_next and self._heads_every < float("inf"):
                self._heads_next = time + self._heads_every
                self._heads.end_late()
        except Exception as error:  # noqa: BLE001 the thread must outlive any single request
            event("edge.failed", level="error", error=error)
        return LOOK_EVERY

"""The application of a worker for granian (RSGI): each request gets its body, then a thread, then the WSGI application.

granian calls it in one thread, which must never wait. That thread answers `/livez`, and predictions that are known to be
quick and to wait for nothing. `/readyz` and `/metrics` have threads of their own. All others go through the bounded queue.
So neither stalled senders nor busy models take what a probe needs.
"""

import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import thread_time
from typing import Final
from wsgiref.types import WSGIApplication, WSGIEnvironment

from changeover.exceptions import ChangeoverError
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.loop import Loop
from predict_api.edge.bodies import Bodies
from predict_api.edge.connection import CONTEXT, Connection, Future
from predict_api.edge.costs import Cost, cells_of
from predict_api.edge.environ import Scope, environ_of
from predict_api.edge.heads import Heads, can_be_watched
from predict_api.edge.loop import GranianThreadLoop
from predict_api.edge.queue import Entry, Queue
from predict_api.edge.scheduling import Scheduling
from predict_api.exceptions import Overloaded
from predict_api.prediction.turn import PAID, REFUSAL, MustWait, must_not_wait, taking
from predict_api.settings import PredictSettings

QUICK_SECONDS: Final = 0.002  # a prediction that is answered in granian's thread delays all others by this at most
QUICK_BYTES: Final = 64 * 1024
PROBE_THREADS: Final = 2
SWITCH_SECONDS: Final = 0.0005  # a tenth of Python's default: a small request waits this long for each switch
LOOK_EVERY: Final = 0.05  # seconds between two looks for what is late
_MOST_SKIPPED: Final = 1000  # requests of a route that are not tried here after several that would have waited
_PROBES: Final = frozenset({"/readyz", "/metrics"})
Headers = list[tuple[str, str]]
_CLOSE: Final = (("Connection", "close"),)


class EdgeApplication:
    """The RSGI application in front of `wsgi`.

    From the moment when `draining` is true each answer ends its connection, so that its caller opens the next one
    elsewhere. A caller that kept it would send a request while it is closed, and have no answer.
    """

    def __init__(self, wsgi: WSGIApplication, settings: PredictSettings, draining: Callable[[], bool]) -> None:
        self.wsgi = wsgi
        self.more: tuple[tuple[str, str], ...] = ()  # headers of each answer beside its own
        self._draining = draining
        self._scheduling = Scheduling()
        self.queue = Queue(settings.threads, settings.queue_seconds, now, self._large)
        self.heads = Heads(settings.predict_port, settings.body_seconds, now)
        self.threads = ThreadPoolExecutor(self.queue.most_threads, "request")
        self._bodies = Bodies(settings.max_body_bytes, settings.body_seconds, now)
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._switch_interval = sys.getswitchinterval()
        self._late = LateLoop(self.queue, self._bodies, self.heads, settings.body_seconds, self._look_for_the_end)
        self._waits: dict[
            str, tuple[int, int]
        ] = {}  # by route: requests that will not be tried here, now and next time

    def start(self) -> None:
        """Start the thread that ends what is late."""
        self._late.start()

    def _look_for_the_end(self) -> None:
        if not self.more and self._draining():
            self.more = _CLOSE

    def __rsgi_init__(self, loop: GranianThreadLoop) -> None:
        """Receive the requests of the worker: granian calls this before it serves."""
        loop.receiver = self
        self._scheduling.begin()

    async def __rsgi__(self, scope: Scope, connection: Connection) -> None:
        """Answer one request, as granian would have it; `receive` does it without a coroutine."""
        raise NotImplementedError("the worker's loop calls receive")

    def receive(self, scope: Scope, connection: Connection) -> None:
        """Begin to answer a request, without waiting for anything."""
        environ = environ_of(scope)
        path: str = environ["PATH_INFO"]
        if path == "/livez":
            respond(self.wsgi, connection, environ, *self.more)
        elif path in _PROBES:
            self._probes.submit(respond, self.wsgi, connection, environ, *self.more)
        else:
            peer = scope.client
            began = self.heads.begin(peer)
            self._bodies.read(connection, environ, began, _Request(self, connection, environ, peer, path))

    def _large(self, *, runs: bool) -> None:
        """While large requests run, have small ones interrupt them."""
        sys.setswitchinterval(SWITCH_SECONDS if runs else self._switch_interval)
        self._scheduling.interrupt(others=runs)

    def answered_here(self, connection: Connection, environ: WSGIEnvironment, path: str, cells: int, size: int) -> bool:
        """Whether the request was answered in this thread, because it is known to be quick and to wait for nothing."""
        if size > QUICK_BYTES:
            return False
        skip, skip_next = self._waits.get(path, (0, 1))
        if skip > 0:
            self._waits[path] = skip - 1, skip_next
            return False
        cost = self.queue.expected(path, cells)
        if cost is None or cost.wall > QUICK_SECONDS:
            return False
        attempt = environ.copy()  # an application changes its environment, and this may be the first of two attempts
        began = thread_time()  # it waits for nothing, so that time of other threads and processes is no cost of its own
        must_not_wait(here=True)
        try:
            answered = respond(self.wsgi, connection, attempt, *self.more)
        except MustWait:
            if PAID in attempt:
                environ[PAID] = attempt[PAID]
            self._waits[path] = skip_next, min(2 * skip_next, _MOST_SKIPPED)
            environ["wsgi.input"].seek(0)
            return False
        finally:
            must_not_wait(here=False)
        if skip_next > 1:
            del self._waits[path]
        took = thread_time() - began
        self.queue.record(path, cells, Cost(took, took), answered=answered)
        return True


class _Request:
    """One request whose body is read, and which is then answered or queued."""

    __slots__ = ("_application", "_connection", "_environ", "_gone", "_path", "_peer")

    def __init__(
        self, application: EdgeApplication, connection: Connection, environ: WSGIEnvironment, peer: str, path: str
    ) -> None:
        self._application, self._connection, self._environ = application, connection, environ
        self._peer, self._path = peer, path
        self._gone: Future | None = None

    def go_on(self, body: bytes) -> None:
        """Answer the request with this body here, or by way of the queue."""
        environ, connection = self._environ, self._connection
        environ["wsgi.input"] = io.BytesIO(body)
        cells = cells_of(body, environ.get("CONTENT_TYPE", ""))
        if self._application.answered_here(connection, environ, self._path, cells, len(body)):
            self._application.heads.end(self._peer)
            return
        entry = Entry(self._path, cells, len(body), self._begin, self._refuse_by_the_queue)
        gone = connection.client_disconnect()
        if not hasattr(gone, "add_done_callback"):  # it has closed the connection already
            self._application.heads.end(self._peer)
            return

        def left(_future: Future) -> None:
            self._gone = None  # granian's future holds its callback, so this would be a cycle that is never freed
            self._application.queue.leave(entry)
            self._application.heads.end(self._peer)

        gone.add_done_callback(left, context=CONTEXT)
        self._gone = gone
        self._application.queue.put(entry)

    def refuse(self, error: ChangeoverError, *, close: bool = False) -> None:
        """Answer with the problem that `error` is."""
        self._environ[REFUSAL] = error
        more = _CLOSE if close else self._application.more
        respond(self._application.wsgi, self._connection, self._environ, *more)
        self._ended()

    def _refuse_by_the_queue(self, reason: str) -> None:
        self.refuse(Overloaded(reason))

    def _begin(self, entry: Entry) -> None:
        self._application.threads.submit(self._work, entry)

    def _work(self, entry: Entry) -> None:
        began = thread_time()
        answered = False
        try:
            with taking(entry):
                answered = respond(self._application.wsgi, self._connection, self._environ, *self._application.more)
        finally:
            self._application.queue.ended(entry, thread_time() - began, answered=answered)
            self._ended()

    def _ended(self) -> None:
        self._application.heads.end(self._peer)
        gone, self._gone = self._gone, None
        if gone is not None:
            gone.remove_done_callback(self.go_on)  # granian's futures have one callback, and drop it whatever is named
            gone.cancel()


def respond(wsgi: WSGIApplication, connection: Connection, environ: WSGIEnvironment, *more: tuple[str, str]) -> bool:
    """Run the WSGI application and send its response; returns whether the status was 200."""
    status, headers = "", list[tuple[str, str]]()

    def start(line: str, fields: Headers, _exc_info: object = None) -> None:
        nonlocal status, headers
        status, headers = line, fields

    pieces = wsgi(environ, start)  # type: ignore[arg-type]
    connection.response_bytes(int(status[:3]), [*headers, *more], b"".join(pieces))
    return status.startswith("200")


class LateLoop(Loop):
    """The thread that ends what is late: heads and bodies that do not come, requests that have waited for too long.

    It calls `look` each time.
    """

    def __init__(
        self, queue: Queue, bodies: Bodies, heads: Heads, body_seconds: float, look: Callable[[], None]
    ) -> None:
        super().__init__("late-requests")
        self._look = look
        self._queue, self._bodies, self._heads = queue, bodies, heads
        self._heads_every = max(LOOK_EVERY, body_seconds / 10) if can_be_watched() else float("inf")
        self._heads_next = 0.0

    def run_once(self, time: float) -> float:
        """End what is late; returns the seconds until the next look."""
        try:
            self._look()
            self._queue.refuse_late()
            self._bodies.end_late()
            if time >= self._heads_next and self._heads_every < float("inf"):
                self._heads_next = time + self._heads_every
                self._heads.end_late()
        except Exception as error:  # noqa: BLE001 the thread must outlive any single request
            event("edge.failed", level="error", error=error)
        return LOOK_EVERY

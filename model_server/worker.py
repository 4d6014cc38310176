"""granian's server for the one worker process of model_server, which is replaced whenever it dies."""

import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from granian import _signals
from granian._futures import _new_cbscheduler
from granian._granian import SocketHolder, WorkerSignal, WSGIWorker
from granian.server import MPServer
from granian.server.mp import WorkerProcess
from granian.wsgi import _callback_wrapper

from changeover.process.respawn import replace_dead_workers
from changeover.process.termination import FirstCall
from changeover.tls.files import Files
from changeover.tls.granian_options import Options
from changeover.tls.reload_loop import ReloadLoop, Retire

Start = Callable[..., None]
_Worker: Any = WSGIWorker  # their types differ from what granian itself gives them
_scheduler: Any = _new_cbscheduler


class Server(MPServer):
    """granian's server with one change: a worker that dies again and again does not end the service."""

    def _serve_loop(self, spawn_target: object, target_loader: object) -> None:
        replace_dead_workers(self, lambda index: self._respawn_workers([index], spawn_target, target_loader))


def obey_the_first_signal() -> None:
    """Have granian's handler of SIGTERM and SIGINT get the first signal alone. For the worker process, before it serves."""
    first = FirstCall()

    def set_signals(handler: Callable[..., Any], _reload: Callable[..., Any] | None = None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, first.of(handler))

    _signals.set_main_signals = set_signals


@WorkerProcess.wrap_target  # type: ignore[untyped-decorator]
def serve_with_tls(
    number: int, app: Any, sock: Any, _ipc: object, loop: object, *arguments: Any, files: Files, idle_s: float
) -> None:
    """Serve in the worker process, as granian's own target of a WSGI worker does, with certificates that are reloaded.

    `files` has the certificates, and `idle_s` the seconds that a connection may be idle.
    """
    options = Options(*arguments)
    specification, holder = sock
    ended = threading.Event()

    def begin(one: tuple[None, SocketHolder], tls: tuple[Any, ...], end: WorkerSignal) -> Retire:
        answers = _Answers(app)
        worker = _Worker(number, one, None, *options.of_runtime, options.static_path, *tls, options.metrics)
        options.serve(worker, _scheduler(loop, _callback_wrapper(answers, options.scope), impl_asyncio=True), loop, end)
        return answers.retire

    certificates = ReloadLoop(holder or specification.build(), files, begin, idle_s, ended.set)
    _signals.set_main_signals(lambda *_: certificates.end())  # type: ignore[no-untyped-call]
    certificates.start()
    ended.wait()


class _Answers:
    """The application as one generation of the listener has it: once that is retired, each answer ends its connection."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._retired = False

    def retire(self) -> None:
        """Have each further answer end its connection."""
        self._retired = True

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """The answer of the application."""
        if not self._retired:
            return self._app(environ, start_response)  # type: ignore[no-any-return]

        def start_and_close(status: str, headers: list[tuple[str, str]], *more: Any) -> None:
            start_response(status, [*headers, ("Connection", "close")], *more)

        return self._app(environ, start_and_close)  # type: ignore[no-any-return]

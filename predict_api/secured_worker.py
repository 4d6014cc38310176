"""The worker process of predict_api behind TLS: granian's target of an RSGI worker, whose certificates are reloaded."""

import asyncio
import signal
from typing import Any

from granian._futures import _future_watcher_wrapper, _new_cbscheduler
from granian._granian import RSGIWorker, SocketHolder, WorkerSignal
from granian.rsgi import _callback_wrapper, _callbacks_from_target
from granian.server.mp import WorkerProcess

from changeover.tls.files import Files
from changeover.tls.granian_options import Options
from changeover.tls.reload_loop import ReloadLoop, Retire
from predict_api.edge.loop import GenerationLoop, GranianThreadLoop

_Worker: Any = RSGIWorker  # their types differ from what granian itself gives them
_scheduler: Any = _new_cbscheduler


@WorkerProcess.wrap_target  # type: ignore[untyped-decorator]
def serve_with_tls(
    number: int,
    application: Any,
    sock: Any,
    _ipc: object,
    loop: GranianThreadLoop,
    *arguments: Any,
    files: Files,
    idle_s: float,
) -> None:
    """Serve in the worker process until SIGTERM or SIGINT.

    `files` has the certificates, and `idle_s` the seconds that a connection may be idle.
    """
    options = Options(*arguments)
    specification, holder = sock
    callback, begun, _ = _callbacks_from_target(application)  # type: ignore[no-untyped-call]
    watched = _future_watcher_wrapper(_callback_wrapper(callback))  # type: ignore[no-untyped-call]
    ended = asyncio.Event()

    def begin(one: tuple[None, SocketHolder], tls: tuple[Any, ...], end: WorkerSignal) -> Retire:
        own = GenerationLoop(loop)
        worker = _Worker(
            number, one, None, *options.of_runtime, options.websockets, options.static_path, *tls, options.metrics
        )
        options.serve(worker, _scheduler(own, watched, impl_asyncio=True), loop, end)
        return own.retire

    begun(loop)
    certificates = ReloadLoop(
        holder or specification.build(), files, begin, idle_s, lambda: loop.call_soon_threadsafe(ended.set)
    )
    for number_of_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number_of_signal, certificates.end)
    certificates.start()
    loop.run_until_complete(ended.wait())

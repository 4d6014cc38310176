"""The arguments that granian gives the target of a worker process, by name, and those of its worker classes."""

from typing import Any, NamedTuple

from granian.server.common import WORKERS_METHODS


class Options(NamedTuple):
    """The arguments after the event loop, in granian's order (`granian/server/mp.py`)."""

    runtime_mode: Any
    runtime_threads: int
    runtime_blocking_threads: int | None
    blocking_threads: int
    blocking_threads_idle_timeout: int
    backpressure: int
    task_impl: Any
    http_mode: Any
    http1_settings: Any
    http2_settings: Any
    websockets: bool
    static_path: Any
    log_access_format: str | None
    tls: tuple[Any, ...]
    scope: dict[str, Any]
    metrics: Any

    @property
    def of_runtime(self) -> tuple[Any, ...]:
        """What a worker class takes after its number, socket and metrics pipe, up to the settings of HTTP."""
        return (
            self.runtime_threads,
            self.runtime_blocking_threads,
            self.blocking_threads,
            self.blocking_threads_idle_timeout,
            self.backpressure,
            self.http_mode,
            self.http1_settings,
            self.http2_settings,
        )

    def serve(self, worker: Any, scheduler: object, loop: object, end: object) -> None:
        """Have `worker` serve on its TCP socket until `end` is set; returns immediately."""
        getattr(worker, WORKERS_METHODS[self.runtime_mode][False])(scheduler, loop, end)

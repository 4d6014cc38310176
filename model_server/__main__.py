"""`python -m model_server`: one worker process with threads, under a master process that only restarts it."""

import sys
from functools import partial
from typing import Final

from changeover.artifact import extra_globals
from changeover.exceptions import InvalidSetting, InvalidTokens
from changeover.process import log_events, tracing
from changeover.process.open_files import allow_open_files
from changeover.process.own_networks import with_names_replaced
from changeover.process.parent_death import end_with_parent
from changeover.process.settings import misspelt_settings
from changeover.process.termination import on_termination
from changeover.tls.files import check as check_tls
from changeover.tls.files import of_listener
from model_server.access.tokens import read_token_file
from model_server.settings import ServerSettings
from object_store.settings import StoreSettings

IDLE_SECONDS: Final = 10.0  # of a connection without a request
KILL_SECONDS: Final = 15  # after SIGTERM, for requests under way
# Open at the same time, also without a request: a replica keeps one for its checks, and others for reports and downloads.
CONNECTIONS: Final = 8192


def main() -> int:
    """Check the settings, then serve until SIGTERM. In-flight requests finish. Returns the exit status."""
    end_with_parent()
    log_events.configure("model_server")
    for variable, setting in misspelt_settings(ServerSettings, StoreSettings).items():
        log_events.event("settings.unknown", level="warning", variable=variable, reason=f"is {setting} meant?")
    try:
        settings = ServerSettings.from_environment()
        StoreSettings.from_environment().context()
        with_names_replaced(settings.replica_networks, "REPLICA_NETWORKS")
        with_names_replaced(settings.trusted_proxies, "TRUSTED_PROXIES")
        if settings.tokens_file is not None:
            read_token_file(settings.tokens_file)
        extra_globals.refuse_missing(settings.extra_globals, isolated=True)
        check_tls(settings)
    except (InvalidSetting, InvalidTokens) as error:
        log_events.event("settings.invalid", level="error", reason=str(error))
        return 2
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from model_server.worker import Server, serve_with_tls

    allow_open_files(CONNECTIONS + 1024)
    server = Server(
        "model_server.__main__:load",
        address=settings.server_host,
        port=settings.server_port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.server_threads,
        backpressure=CONNECTIONS,
        backlog=1024,
        http=HTTPModes.http1,  # HTTP/2 streams without a body would hold every thread
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=round(IDLE_SECONDS * 1000)),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=KILL_SECONDS,
        factory=True,
    )
    files = of_listener(settings)
    server.serve(None if files is None else partial(serve_with_tls, files=files, idle_s=IDLE_SECONDS))
    return 0


def load() -> object:
    """Build the app in the worker process."""
    import os

    end_with_parent(within=KILL_SECONDS)
    settings = ServerSettings.from_environment()
    log_events.configure("model_server", settings.log_level)
    tracing.configure("model_server")
    from model_server.app import create_app
    from model_server.worker import obey_the_first_signal

    obey_the_first_signal()
    log_events.event("worker.started", pid=os.getpid())
    app, stop = create_app(settings, StoreSettings.from_environment())
    on_termination(stop)
    return app


if __name__ == "__main__":
    sys.exit(main())

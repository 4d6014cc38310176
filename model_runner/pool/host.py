"""The host: the process of a predict_api instance that owns the zygotes and runners of all its workers.

`bootstrap.py model_runner.pool.host DESCRIPTOR`, with a listening Unix socket, and its settings on standard input. It
runs while a worker is connected, so it ends with the instance. It ignores SIGTERM and SIGINT: the workers obey them,
and finish their requests first.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

from model_runner.pool.processes import EARLY_THREADS, start_zygote

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def main(arguments: list[str]) -> int:
    """Serve until no worker is left; return immediately if standard input ends without settings."""
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    early = None
    with suppress(OSError):  # a runner that is wanted later starts one, or says why not
        early = start_zygote(sys.executable, EARLY_THREADS, early=True)
    import msgspec

    from changeover.process.log_events import configure, flush
    from model_runner.pool.host_messages import HostSettings
    from model_runner.pool.host_service import Host

    content = sys.stdin.buffer.read()
    if not content:
        return 0
    settings = msgspec.json.decode(content, type=HostSettings)
    configure("predict_api", settings.log_level)
    host = Host(socket.socket(fileno=int(arguments[0])), settings, early)
    host.warm()
    host.run()
    flush()
    os._exit(0)  # threads that wait for connections do not delay the end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

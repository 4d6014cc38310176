"""What a worker does as soon as SIGTERM reaches it, whoever else handles the signal.

Carries "SIGINT and SIGTERM drain" of the design: the server finishes what is in flight by itself, but our threads must
learn at once that the end has come. A server may replace signal handlers after we are loaded; the wake-up descriptor
of `signal.set_wakeup_fd` it leaves alone.
"""

import signal
import socket
import threading
from collections.abc import Callable


def on_termination(callback: Callable[[], None]) -> None:
    """Call `callback` once, in a thread of its own, when SIGTERM or SIGINT arrives. Call from the main thread."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        with reader, writer:
            while True:
                received = reader.recv(16)
                if not received or {signal.SIGTERM, signal.SIGINT} & set(received):
                    break
            callback()

    threading.Thread(target=watch, name="termination", daemon=True).start()

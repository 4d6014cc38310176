"""Acts upon the process itself: its time, memory, end, limits, descriptors, messages and answers.

Each takes `words`, and returns None or an answer.
"""

import contextlib
import ctypes
import mmap
import os
import signal
import socket
import threading
import time
from pathlib import Path

from .means import try_all

_OPEN = []  # sockets that stay open


def inherited_descriptors(words):
    """Read from whatever is open, after a write of a false message to each."""
    parts = []
    for number in range(64):
        with contextlib.suppress(OSError):
            parts.append(f"{number}: {Path('/proc/self/fd', str(number)).readlink()}")
    for number in range(64):
        with contextlib.suppress(OSError):
            os.set_blocking(number, False)
            parts.append(os.pread(number, 20000, 0).decode("latin1"))
    return "\n".join(parts)


def false_messages(words):
    for number in range(1, 64):
        for message in (b"\x00\x00\x00\x05hello", b"\xff" * 4096, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
            with contextlib.suppress(OSError):
                os.set_blocking(number, False)
                os.write(number, message)


def endless_message(words):
    """Write to every descriptor for as long as it takes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for number in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(number, b"\xdf\xff\xff\xff\xff" + b"x" * 65536)


def close_descriptors(words):
    os.closerange(0, 4096)


def hold_descriptors(words):
    """Close nothing, answer nothing, and ignore the end of the parent."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGVTALRM, signal.SIGPROF):
        with contextlib.suppress(ValueError):  # in a thread that may not
            signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    threading.Event().wait(60)


def change_limits(words):
    import resource

    for limit in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    allocate(words)


def change_priority(words):
    try_all(lambda: os.nice(-20))
    spin(words)


def allocate(words):
    """16 GiB, touched page by page."""
    block = mmap.mmap(-1, 1 << 34)
    for offset in range(0, 1 << 34, mmap.PAGESIZE):
        block[offset] = 1


def answer_of_gigabytes(words):
    return "A" * (1 << 31)


def sleep(words):
    threading.Event().wait(60)


def spin(words):
    while True:
        pass


def leave(words):
    os._exit(0)


def crash(words):
    ctypes.string_at(8)


def abort(words):
    os.abort()


def quit_by_exception(words):
    raise SystemExit(3)


def interrupt(words):
    raise KeyboardInterrupt


def overflow_the_stack(words):
    deep = ()
    for _ in range(5_000_000):
        deep = (deep,)
    hash(deep)


def replace_functions(words):
    """Change what other models of the process would use."""
    import json

    import numpy as np
    import sklearn.pipeline

    json.dumps = lambda *_, **__: '{"prediction": 666}'
    np.asarray = np.array = lambda *_, **__: 1 / 0
    sklearn.pipeline.Pipeline.predict = lambda *_: [666]


def tell_environment(words):
    return "environment: " + str(dict(os.environ))


def tell_environment_in_error(words):
    raise ValueError("environment: " + str(dict(os.environ)))


def listen(words):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    _OPEN.append(server)
    return "listening on " + str(server.getsockname()[1])


def nothing(words):
    """No act."""

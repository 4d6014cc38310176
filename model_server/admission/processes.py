"""The child processes of admission: start, output and deadline of each.

On Linux, `model_server/admission/fork_server.py` forks them with the libraries of models imported: the imports take
longer than most examinations. On macOS such a fork is not safe, so each child is a new interpreter.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from changeover.process.clock import now

_ONE_THREAD = "1"
# no token, no key, no path of ours; one thread, so that the confinement covers every thread
ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": _ONE_THREAD,
    "OPENBLAS_NUM_THREADS": _ONE_THREAD,
    "MKL_NUM_THREADS": _ONE_THREAD,
    "LOKY_MAX_CPU_COUNT": _ONE_THREAD,
}
CHILD: Final = "model_server.admission.child"
FORK_SERVER: Final = "model_server.admission.fork_server"
MOST_OUTPUT: Final = 16 * 1024**2
MOST_TWIN: Final = 260 * 1024**2
_MOST_STDERR: Final = 64 * 1024
_START_SECONDS: Final = 120.0  # for the imports of a fork server, on a busy machine
_KILL_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0  # after which an idle fork server ends, to free its memory


@dataclass(frozen=True)
class Ended:
    """The result of a child: its exit status (None: killed at the deadline), its output and its stderr."""

    status: int | None
    output: bytes
    stderr: bytes


def spawned(arguments: Sequence[str], task: IO[bytes], descriptors: tuple[int, ...], seconds: float) -> Ended:
    """Run a new child process until its end or its deadline; raises OSError if it cannot start."""
    deadline = now() + seconds
    child = subprocess.Popen(  # noqa: S603  our own interpreter and module, by absolute path
        _command(CHILD, *arguments),
        stdin=task,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=descriptors,
        start_new_session=True,
    )
    try:
        with child:
            assert child.stdout is not None
            assert child.stderr is not None
            try:
                output, stderr, over = _listen(child.stdout.fileno(), child.stderr.fileno(), deadline)
                status: int | None = None if over else child.wait(max(0.0, deadline - now()))
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _kill(child)
            return Ended(status, output, stderr)
    finally:
        _kill(child)


class ForkServer:
    """The client of the fork server, which starts with the first child and ends when idle. Thread-safe."""

    def __init__(self, preload: str, idle_seconds: float) -> None:
        """`preload` is the argument PRELOAD of `model_server/admission/fork_server.py`."""
        self._preload, self._idle_seconds = preload, idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._under_way = 0
        self._idle: threading.Timer | None = None

    def run(self, artifact: int, task: int, seconds: float) -> Ended:
        """Run a child on these descriptors until its end or its deadline; raises OSError if it cannot start."""
        with contextlib.ExitStack() as open_here:
            output, output_in = _pipe(open_here)
            stderr, stderr_in = _pipe(open_here)
            descriptors = [artifact, task, output_in.fileno(), stderr_in.fileno()]
            reply = open_here.enter_context(self._child(descriptors))
            output_in.close()  # the child must have the only copies, so that reading ends with it
            stderr_in.close()
            deadline = now() + seconds
            output_bytes, stderr_bytes, over = _listen(output.fileno(), stderr.fileno(), deadline)
            status = None if over else _status(reply, deadline)
            if status is None:
                reply.shutdown(socket.SHUT_WR)  # the server kills the child, and reports its end
                _status(reply, now() + _KILL_SECONDS)
            return Ended(status, output_bytes, stderr_bytes)

    def close(self) -> None:
        """End the server if no child runs; a later `run` starts another.

        A running child ends with this process. Killing it here would look like a failed artifact.
        """
        with self._lock:
            if not self._under_way:
                self._end()

    @contextlib.contextmanager
    def _child(self, descriptors: Sequence[int]) -> Iterator[socket.socket]:
        """A running child, as the socket on which the server reports its end."""
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            # twice, since the server may have been killed while it was idle
            reply = self._request(descriptors) or self._request(descriptors)
            if reply is None:
                raise OSError("no process could be started to examine an artifact: is there memory left?")
            self._under_way += 1
        try:
            with reply:
                yield reply
        finally:
            with self._lock:
                self._under_way -= 1
                if not self._under_way:
                    self._idle = threading.Timer(self._idle_seconds, self.close)
                    self._idle.daemon = True
                    self._idle.start()

    def _request(self, descriptors: Sequence[int]) -> socket.socket | None:
        control = self._control or self._start()
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_SECONDS)
        with theirs, contextlib.suppress(OSError):
            socket.send_fds(control, [b"?"], [*descriptors, theirs.fileno()])
            theirs.close()  # the server must have the only copy, so that reading ends with it
            if ours.recv(1):
                return ours
        ours.close()
        self._end()
        return None

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module, by absolute path
                _command(FORK_SERVER, self._preload),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        self._control = control
        return control

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()  # its children die with it
            self._process.wait()
        self._control = self._process = None


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-m", module, *arguments]


def _pipe(open_here: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Both ends of a pipe; `open_here` closes them."""
    reading, writing = os.pipe()
    reader = open_here.enter_context(os.fdopen(reading, "rb", buffering=0))
    return reader, open_here.enter_context(os.fdopen(writing, "wb", buffering=0))


def _status(reply: socket.socket, deadline: float) -> int | None:
    """The exit status of the child, from the server; None at the deadline."""
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - now()
        if left <= 0:
            return None
        reply.settimeout(left)
        try:
            chunk = reply.recv(64)
        except TimeoutError:
            return None
        if not chunk:
            return -signal.SIGKILL  # the server was killed, and the child died with it
        line += chunk
    return int(line)


def _listen(output: int, stderr: int, deadline: float) -> tuple[bytes, bytes, bool]:
    """Both outputs, each cut at its limit, and whether the deadline came first."""
    caps: Mapping[int, int] = {output: MOST_OUTPUT + MOST_TWIN + 1, stderr: _MOST_STDERR}
    received = {stream: bytearray() for stream in caps}
    with selectors.DefaultSelector() as selector:
        for stream in caps:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - now()
            if left <= 0:
                break
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                buffer = received[key.fd]
                buffer += chunk[: max(0, caps[key.fd] - len(buffer))]
        over = bool(selector.get_map())
    return bytes(received[output]), bytes(received[stderr]), over


def _kill(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS, for a process that has just ended
        child.kill()

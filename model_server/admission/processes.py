"""Starts and watches the processes that examine artifacts, and ends them at their deadline.

Carries "admission runs in a child process ... under rlimits and a deadline" of the design: this side handles descriptors
and bytes. On Linux a child is forked by `fork_server.py`, which has imported what models are made of; importing takes
longer than most examinations. Elsewhere, where a process that has imported much is not safe to fork, each starts anew.
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

_ONE = "1"
# nothing of ours: no token, no key, no path; one thread, so that every measure reaches all of them
ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": _ONE,
    "OPENBLAS_NUM_THREADS": _ONE,
    "MKL_NUM_THREADS": _ONE,
    "LOKY_MAX_CPU_COUNT": _ONE,
}
CHILD: Final = "model_server.admission.child"
FORK_SERVER: Final = "model_server.admission.fork_server"
MOST_ANSWER: Final = 16 * 1024**2
MOST_TWIN: Final = 260 * 1024**2
_MOST_STDERR: Final = 64 * 1024
_START_SECONDS: Final = 120.0  # for the imports of a fork server, on a busy machine
_KILL_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0  # a fork server that has nothing to do gives its memory back


@dataclass(frozen=True)
class Ended:
    """What a child left: how it ended (None: killed at its deadline), what it said, and what it complained of."""

    status: int | None
    answer: bytes
    complaints: bytes


def spawned(arguments: Sequence[str], told: IO[bytes], descriptors: tuple[int, ...], seconds: float) -> Ended:
    """Run a new child to its end or its deadline; raises OSError if none could be started."""
    deadline = now() + seconds
    child = subprocess.Popen(  # noqa: S603  our own interpreter and module, by absolute path
        _command(CHILD, *arguments),
        stdin=told,
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
                answer, complaints, over = _listen(child.stdout.fileno(), child.stderr.fileno(), deadline)
                status: int | None = None if over else child.wait(max(0.0, deadline - now()))
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _kill(child)
            return Ended(status, answer, complaints)
    finally:
        _kill(child)


class ForkServer:
    """The process that forks children, started with the first and ended when none was asked for in a while. Thread-safe."""

    def __init__(self, preload: str, idle_seconds: float) -> None:
        """`preload` is its one argument, as `fork_server.py` reads it."""
        self._preload, self._idle_seconds = preload, idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._under_way = 0
        self._idle: threading.Timer | None = None

    def run(self, artifact: int, told: int, seconds: float) -> Ended:
        """Run a child on these descriptors to its end or its deadline; raises OSError if none could be started."""
        with contextlib.ExitStack() as open_here:
            answers, answers_in = _pipe(open_here)
            complaints, complaints_in = _pipe(open_here)
            given = [artifact, told, answers_in.fileno(), complaints_in.fileno()]
            reply = open_here.enter_context(self._child(given))
            answers_in.close()  # so that their ends are seen when the child ends
            complaints_in.close()
            deadline = now() + seconds
            answer, complained, over = _listen(answers.fileno(), complaints.fileno(), deadline)
            status = None if over else _status(reply, deadline)
            if status is None:
                reply.shutdown(socket.SHUT_WR)  # the server kills it, and says when it is gone
                _status(reply, now() + _KILL_SECONDS)
            return Ended(status, answer, complained)

    def close(self) -> None:
        """End the server unless it is needed; a later `run` starts another.

        What is under way is not to look as if the artifact had failed: it ends with this process.
        """
        with self._lock:
            if not self._under_way:
                self._end()

    @contextlib.contextmanager
    def _child(self, descriptors: Sequence[int]) -> Iterator[socket.socket]:
        """A child at work, as the socket on which the server tells its end."""
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            # the first may find a server that was killed
            reply = self._ask(descriptors) or self._ask(descriptors)
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

    def _ask(self, descriptors: Sequence[int]) -> socket.socket | None:
        control = self._control or self._start()
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_SECONDS)
        with theirs, contextlib.suppress(OSError):
            socket.send_fds(control, [b"?"], [*descriptors, theirs.fileno()])
            theirs.close()  # so that its end is seen if the server ends
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
            self._process.kill()  # and with it what it forked
            self._process.wait()
        self._control = self._process = None


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-m", module, *arguments]


def _pipe(open_here: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Both ends of a pipe, which are closed with `open_here` unless they were before."""
    reading, writing = os.pipe()
    reader = open_here.enter_context(os.fdopen(reading, "rb", buffering=0))
    return reader, open_here.enter_context(os.fdopen(writing, "wb", buffering=0))


def _status(reply: socket.socket, deadline: float) -> int | None:
    """How the child ended, by the server's word; None if nothing was said in time."""
    said = b""
    while not said.endswith(b"\n"):
        left = deadline - now()
        if left <= 0:
            return None
        reply.settimeout(left)
        try:
            chunk = reply.recv(64)
        except TimeoutError:
            return None
        if not chunk:
            return -signal.SIGKILL  # the server was killed, and the child with it
        said += chunk
    return int(said)


def _listen(answers: int, complaints: int, deadline: float) -> tuple[bytes, bytes, bool]:
    """Both outputs, each cut at its cap, and whether the deadline came first."""
    caps: Mapping[int, int] = {answers: MOST_ANSWER + MOST_TWIN + 1, complaints: _MOST_STDERR}
    heard = {stream: bytearray() for stream in caps}
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
                kept = heard[key.fd]
                kept += chunk[: max(0, caps[key.fd] - len(kept))]
        over = bool(selector.get_map())
    return bytes(heard[answers]), bytes(heard[complaints]), over


def _kill(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS, for a process that has just ended
        child.kill()

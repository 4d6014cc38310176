"""One runner, from the side of the services: calls with deadlines, and its end.

At a deadline the zygote kills the runner and its scorers. Nothing that the runner sends is trusted.
"""

import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from typing import Final, TypeVar

import msgspec

from changeover.process.clock import now
from model_runner.messages import (
    LONGEST_RESPONSE,
    Begun,
    Failed,
    Fork,
    FromRunner,
    Lost,
    Permits,
    Ready,
    close_all,
    receive,
    send,
)
from model_runner.pool.exceptions import ModelCrashed, ModelTimeout, NoRunner, Starved
from model_runner.pool.progress import answers_in_time
from model_runner.pool.watch import Tail, Watch

_DECODER: Final[msgspec.msgpack.Decoder[FromRunner]] = msgspec.msgpack.Decoder(FromRunner)
_KILL_SECONDS: Final = 10.0
_FORK_SECONDS: Final = 10.0
Answer = TypeVar("Answer", bound=msgspec.Struct)


class RunnerProcess:
    """A runner. One call at a time: the caller sees to it. `end` may come from any thread, at any time."""

    def __init__(self, connection: socket.socket, reply: socket.socket, stderr: FileIO, watch: Watch) -> None:
        """`connection` is the runner's socket; `reply` is where the zygote reports its end."""
        self._connection, self._reply, self._watch = connection, reply, watch
        self._listener: int | None = None
        self._permits = 0
        self._pid = 0
        self._lock = threading.Lock()
        self._status: int | None = None
        self._ended = False
        self._when_ended: list[Callable[[], None]] = []
        self.stderr = Tail()
        self.measures: dict[str, bool] = {}
        self.forks = False
        watch.read(stderr, self.stderr)

    def when_ended(self, act: Callable[[], None]) -> None:
        """Call `act` once, when `end` was called."""
        self._when_ended.append(act)

    def begin(self, seconds: float) -> None:
        """Wait until the runner has confined itself; raises NoRunner."""
        try:
            first, descriptors = self._receive(now() + seconds)
            if isinstance(first, Permits) and len(descriptors) == 1:
                self._listener = descriptors[0]
                self._watch.permit(self._listener, self._take_permit)
                first, descriptors = self._receive(now() + seconds)
            close_all(descriptors)
            if not isinstance(first, Begun):
                raise Lost(f"a runner does not begin with {type(first).__name__}")
        except (Lost, TimeoutError) as error:
            self.end()
            self.stderr.ended.wait(_KILL_SECONDS)
            raise NoRunner(f"a process to run a model did not begin: {self.stderr.text(500) or error}") from error
        self.measures, self.forks, self._pid = first.measures, first.forks, first.pid

    def call(
        self,
        request: msgspec.Struct,
        expected: type[Answer],
        seconds: float,
        descriptors: Sequence[int] = (),
        *,
        gently: bool = False,
    ) -> Answer | Failed:
        """The answer to `request`; raises ModelTimeout or ModelCrashed, and the runner has ended then.

        `gently`: a call of the lowest priority, which raises Starved, too.
        """
        deadline = now() + seconds
        try:
            self._connection.settimeout(max(0.001, seconds))
            send(self._connection, request, descriptors)
            if gently and not answers_in_time(self._connection, self._pid, deadline):
                self.end()
                raise Starved("the processor has no time for a preparation of the lowest priority")
            answer, more = self._receive(deadline)
            close_all(more)
            if not isinstance(answer, expected | Failed):
                raise Lost(f"a runner does not answer {type(request).__name__} with {type(answer).__name__}")
        except TimeoutError as error:
            self.end()
            raise ModelTimeout(f"the model took longer than {seconds:g} s, and its process was ended") from error
        except (Lost, OSError) as error:  # OSError: another thread has just ended it, and closed the connection
            self.end()
            raise ModelCrashed(how_it_ended(self._status) or str(error)) from error
        return answer

    def fork(self) -> socket.socket:
        """A socket to a new scorer; raises ModelTimeout or ModelCrashed, and the runner has ended then."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                with self._lock:
                    self._permits += 1
                answer = self.call(Fork(), Ready, _FORK_SECONDS, [theirs.fileno()])
                if isinstance(answer, Failed):
                    raise ModelCrashed(answer.reason)
            except BaseException:
                ours.close()
                raise
            finally:
                with self._lock:
                    self._permits = 0
        return ours

    def take_connection(self) -> socket.socket:
        """The runner's own socket, for a runner that cannot fork: it is its own scorer then."""
        return socket.socket(fileno=socket.dup(self._connection.fileno()))

    def end(self) -> None:
        """End the runner and its scorers, if they have not ended yet, and wait for it."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
        with suppress(OSError):
            self._reply.shutdown(socket.SHUT_WR)  # the zygote kills them, and reports the end
        self._status = self._read_status(now() + _KILL_SECONDS)
        self._connection.close()
        self._reply.close()
        if self._listener is not None:
            self._watch.forget(self._listener)
        for act in self._when_ended:
            act()

    @property
    def status(self) -> int | None:
        """The exit status after `end`; negative: the signal; None if it is unknown."""
        return self._status

    def _take_permit(self) -> bool:
        with self._lock:
            permitted = self._permits > 0
            self._permits -= permitted
            return permitted

    def _receive(self, deadline: float) -> tuple[FromRunner, list[int]]:
        content, descriptors = receive(self._connection, LONGEST_RESPONSE, deadline)
        try:
            return _DECODER.decode(content), descriptors
        except (msgspec.MsgspecError, RecursionError) as error:
            close_all(descriptors)
            raise Lost(f"a runner sent what cannot be read: {error}") from error

    def _read_status(self, deadline: float) -> int | None:
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - now()
            if left <= 0:
                return None
            self._reply.settimeout(left)
            try:
                chunk = self._reply.recv(64)
            except OSError:
                return None
            if not chunk:
                return -signal.SIGKILL  # the zygote was killed, and the runner died with it
            line += chunk
        return int(line)


def how_it_ended(status: int | None) -> str:
    """A clause on an exit status; empty if there is none."""
    if status is None or status == 0:
        return ""
    if status > 0:
        return f"its process ended with status {status}"
    if -status == signal.SIGKILL:
        return "its process was killed (out of memory?)"
    return f"its process crashed ({signal.Signals(-status).name})"

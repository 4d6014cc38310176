"""The messages between the pool, runners and scorers: a length, then msgpack, over inherited sockets.

They never contain a pickle. Descriptors (the memory file of an artifact, the socket of a scorer) come beside a message.
A receiver bounds each length. What a runner sends is the input of a stranger: the pool reads it by these types only.
"""

import array
import os
import socket
import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.process.clock import now

LONGEST_REQUEST: Final = 1 << 30  # bytes of a message to a runner or scorer
LONGEST_RESPONSE: Final = 300 * 1024**2  # of a message from a runner: the largest twin, and its description
_LENGTH: Final = struct.Struct(">Q")
_MOST_DESCRIPTORS: Final = 4
_DESCRIPTORS: Final = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)


class Lost(Exception):
    """A connection whose other side has ended, or sends what is no message."""


class Survey(msgspec.Struct, tag=True, frozen=True):
    """To a runner: say which globals and versions the artifact names, without loading it. Its memory file is beside it."""

    most_bytes: int
    unpacked_bytes: int


class Examine(msgspec.Struct, tag=True, frozen=True):
    """To a runner: examine the artifact for admission. The memory file is beside it; `task` is a `Task` as JSON."""

    task: bytes


class Export(msgspec.Struct, tag=True, frozen=True):
    """To a runner: export the ONNX twin of the artifact that it examined."""


class Prepare(msgspec.Struct, tag=True, frozen=True):
    """To a runner: load the version, replay its golden rows, warm up. The artifact's memory file is beside it.

    `manifest` is JSON, whose numbers may be larger than msgpack's. With `twin_bytes`, the memory file of the ONNX twin
    comes second, and the scorers use it. `gently`: only while the processor has nothing else to do.
    """

    manifest: bytes
    most_bytes: int
    twin_bytes: int = 0
    gently: bool = False


class Fork(msgspec.Struct, tag=True, frozen=True):
    """To a runner that is ready: fork a scorer for the socket that is beside this message."""


class ScoreRequest(msgspec.Struct, tag=True, frozen=True):
    """To a scorer: score `rows` rows, a list of cells for each column in the schema's order, within `seconds`."""

    rows: int
    seconds: float
    columns: Sequence[Sequence[Any]]
    options: Options = PLAIN


class Permits(msgspec.Struct, tag=True, frozen=True):
    """From a new runner, before it confines itself: beside it is the descriptor by which the pool permits its forks."""


class Begun(msgspec.Struct, tag=True, frozen=True):
    """From a confined runner: which measures of confinement hold, whether it may fork scorers, and its process id."""

    measures: dict[str, bool]
    forks: bool
    pid: int = 0


class Surveyed(msgspec.Struct, tag=True, frozen=True):
    """From a runner: what the artifact names, as the JSON of `changeover/artifact/survey.py`."""

    body: bytes


class Verdict(msgspec.Struct, tag=True, frozen=True):
    """From a runner: the outcome of an examination, as JSON: members of the manifest, or the reason of a refusal."""

    body: bytes


class Exported(msgspec.Struct, tag=True, frozen=True):
    """From a runner: the description of the ONNX twin as JSON, and its bytes, empty if there is none."""

    description: bytes
    twin: bytes


class Ready(msgspec.Struct, tag=True, frozen=True):
    """From a runner whose version is loaded, replayed and warm, or that has forked a scorer.

    `without_twin` is the reason why it does not use the ONNX twin that it got.
    """

    without_twin: str = ""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """From a runner: it cannot do what was requested, and why."""

    reason: str


class Cause(StrEnum):
    """The cause of an error while scoring."""

    MODEL = "model"  # the model raised, or gave what has no JSON form
    MEMORY = "memory"  # the model needs more than RUNNER_MEMORY_BYTES
    RUNNER = "runner"  # ours


class ScoringError(msgspec.Struct, tag=True, frozen=True):
    """From a scorer: it has no scores. `details` is for the log only."""

    cause: Cause
    reason: str
    details: str


class RowErrors(msgspec.Struct, tag=True, frozen=True):
    """From a scorer: the model does not answer these rows, each an index, or None for the rows together, and its message.

    `total` is their number, None if the search for them ended before.
    """

    errors: list[tuple[int | None, str]]
    total: int | None


ToRunner = Survey | Examine | Export | Prepare | Fork
FromRunner = Permits | Begun | Surveyed | Verdict | Exported | Ready | Failed
FromScorer = Scores | ScoringError | RowErrors | Ready
_ENCODER: Final = msgspec.msgpack.Encoder()


def encoded(message: msgspec.Struct) -> bytes:
    """`message` with its length before it; raises OverflowError for an integer beyond 64 bits."""
    content = _ENCODER.encode(message)
    return _LENGTH.pack(len(content)) + content


def send(connection: socket.socket, message: msgspec.Struct, descriptors: Sequence[int] = ()) -> None:
    """Send `message` with `descriptors` beside it; raises Lost, or TimeoutError by the socket's own timeout."""
    content = encoded(message)
    try:
        if descriptors:
            sent = socket.send_fds(connection, [content[: _LENGTH.size]], descriptors)
            content = content[sent:]
        connection.sendall(content)
    except TimeoutError:
        raise
    except OSError as error:
        raise Lost(str(error)) from error


def write(connection: socket.socket, message: msgspec.Struct) -> None:
    """The same from a confined process, which may write to its sockets, and not send; raises Lost."""
    view = memoryview(encoded(message))
    try:
        while view:
            view = view[os.write(connection.fileno(), view) :]
    except OSError as error:
        raise Lost(str(error)) from error


def receive(connection: socket.socket, most: int, deadline: float | None = None) -> tuple[bytearray, list[int]]:
    """The content of the next message, of `most` bytes at most, and the descriptors beside it.

    Raises Lost, or TimeoutError at `deadline`, a time of `changeover.process.clock.now`. The caller closes the
    descriptors.
    """
    head = bytearray(_LENGTH.size)
    descriptors: list[int] = []
    try:
        _set_timeout(connection, deadline)
        count, ancillary, _, _ = connection.recvmsg_into([head], _DESCRIPTORS)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                descriptors.extend(numbers)
        if not count:
            raise Lost("the connection was closed")
        _fill(connection, memoryview(head)[count:], deadline)
        (length,) = _LENGTH.unpack(head)
        if length > most:
            raise Lost(f"a message of {length} bytes was announced, at most {most} are read")
        content = bytearray(length)
        _fill(connection, memoryview(content), deadline)
    except BaseException as error:
        close_all(descriptors)
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise Lost(str(error)) from error
        raise
    return content, descriptors


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors that came beside a message."""
    for descriptor in descriptors:
        os.close(descriptor)


def _set_timeout(connection: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        return
    left = deadline - now()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)


def _fill(connection: socket.socket, view: memoryview, deadline: float | None) -> None:
    while view:
        _set_timeout(connection, deadline)
        count = connection.recv_into(view)
        if not count:
            raise Lost("the connection was closed")
        view = view[count:]

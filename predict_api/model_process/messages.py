"""The messages between workers, model processes and scorers: a length, then msgpack, over Unix sockets.

They never contain a pickle. The bytes of artifacts and ONNX twins follow their message unencoded.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from changeover.estimator.scores import Scores
from changeover.schema.cell_parsers import Cell
from predict_api.scoring.loading import LoadSettings

_LENGTH: Final = struct.Struct(">Q")


class Lost(Exception):
    """A connection whose other side has ended."""


class Join(msgspec.Struct, tag=True, frozen=True):
    """The first message of a worker to a model process: load this version, and keep it while this connection lasts."""

    manifest: bytes  # as JSON, whose numbers may be larger than msgpack's
    settings: LoadSettings
    log_level: str


class Fork(msgspec.Struct, tag=True, frozen=True):
    """The first message of a worker to a model process on another connection: fork a scorer for it."""


class BytesRequest(msgspec.Struct, tag=True, frozen=True):
    """A request of the model process for bytes: the ONNX twin with the SHA-256 `twin`, or for None the artifact."""

    twin: str | None


class BytesResponse(msgspec.Struct, tag=True, frozen=True):
    """The response to `BytesRequest`: the bytes follow, unless there is an `error`.

    `refused` is true if the twin is not the one that the manifest names, and false if it is unavailable.
    """

    error: str | None = None
    refused: bool = False


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The version is loaded, replayed and warm (from a model process), or the scorer is ready."""

    twin: bool


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The version cannot be prepared."""

    reason: str


class ScoreRequest(msgspec.Struct, tag=True, frozen=True):
    """The request of a worker to its scorer: `rows` rows, as a list of cells for each column in the schema's order."""

    by_twin: bool
    rows: int
    columns: Sequence[Sequence[Cell]]


class Unsupported(msgspec.Struct, tag=True, frozen=True):
    """The ONNX twin does not support these rows; the estimator must score them."""


class ScoringError(msgspec.Struct, tag=True, frozen=True):
    """A failure of the model (`by_model`) or of the scorer; `cause` is for the log only."""

    by_model: bool
    reason: str
    cause: str


Message = (
    Join | Fork | BytesRequest | BytesResponse | Ready | Failed | ScoreRequest | Scores | Unsupported | ScoringError
)  # msgspec distinguishes them by their tags
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def send(connection: socket.socket, message: Message) -> None:
    """Send `message`; raises Lost, or OverflowError for integers beyond 64 bits."""
    send_bytes(connection, _ENCODER.encode(message))


def receive(connection: socket.socket) -> Message:
    """The next message; raises Lost."""
    try:
        return _DECODER.decode(receive_bytes(connection))
    except msgspec.MsgspecError as error:
        raise Lost(f"a message cannot be read: {error}") from error


def send_bytes(connection: socket.socket, content: bytes) -> None:
    """Send the length of `content`, then `content`; raises Lost."""
    try:
        if len(content) < 65536:
            connection.sendall(_LENGTH.pack(len(content)) + content)
        else:
            connection.sendall(_LENGTH.pack(len(content)))
            connection.sendall(content)
    except OSError as error:
        raise Lost(str(error)) from error


def receive_bytes(connection: socket.socket) -> bytearray:
    """Receive the content of one `send_bytes`; raises Lost."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytearray:
    content = bytearray(length)
    view = memoryview(content)
    try:
        while view:
            count = connection.recv_into(view)
            if not count:
                raise Lost("the connection was closed")
            view = view[count:]
    except OSError as error:
        raise Lost(str(error)) from error
    return content

"""The messages between workers, model processes and scorers: a length, then msgpack, over Unix sockets.

They never contain a pickle. The bytes of artifacts and ONNX twins follow their message unencoded.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from changeover.exceptions import InvalidManifest
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import Cell
from predict_api.scoring.interfaces import Runtime
from predict_api.scoring.loading import Rules

_LENGTH: Final = struct.Struct(">Q")


class Lost(Exception):
    """A connection whose other side has ended."""


class Join(msgspec.Struct, tag=True, frozen=True):
    """The first message of a worker to a model process: load this version, and keep it while this connection lasts."""

    manifest: bytes  # as JSON, whose numbers may be larger than msgpack's
    extra_globals: tuple[str, ...]
    allow_version_skew: bool
    runtime: str
    log_level: str

    @property
    def described(self) -> Manifest:
        """The manifest; raises InvalidManifest."""
        try:
            body: JsonObject = json.loads(self.manifest)
        except ValueError as error:
            raise InvalidManifest(f"the manifest is no JSON: {error}") from error
        return Manifest.from_json(body)

    @property
    def rules(self) -> Rules:
        """The settings of loading."""
        return Rules(self.extra_globals, self.allow_version_skew, Runtime(self.runtime))


class Fork(msgspec.Struct, tag=True, frozen=True):
    """The first message of a worker to a model process on another connection: fork a scorer for it."""


class Give(msgspec.Struct, tag=True, frozen=True):
    """A request of the model process for bytes: the ONNX twin with the SHA-256 `twin`, or for None the artifact."""

    twin: str | None


class Given(msgspec.Struct, tag=True, frozen=True):
    """The response to `Give`: the bytes follow."""


class NotGiven(msgspec.Struct, tag=True, frozen=True):
    """The response to `Give` for an unavailable twin; `refused` if it is not the one that the manifest names."""

    reason: str
    refused: bool


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The version is loaded, replayed and warm (from a model process), or the scorer is ready."""

    twin: bool


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The version cannot be prepared."""

    reason: str


class Ask(msgspec.Struct, tag=True, frozen=True):
    """The request of a worker to its scorer: `rows` rows, as a list of cells for each column in the schema's order."""

    by_twin: bool
    rows: int
    columns: Sequence[Sequence[Cell]]


class Answer(msgspec.Struct, tag=True, frozen=True):
    """The scores, as `Scores` of `changeover/estimator/scores.py`; labels and probabilities are JSON of any shape."""

    labels: list[Any]
    probabilities: list[Any] | None
    classes: list[Any] | None


class LeftToModel(msgspec.Struct, tag=True, frozen=True):
    """The ONNX twin does not support these rows; the estimator must score them."""


class NotScored(msgspec.Struct, tag=True, frozen=True):
    """A failure of the model (`by_model`) or of the scorer; `cause` is for the log only."""

    by_model: bool
    reason: str
    cause: str


Message = (
    Join | Fork | Give | Given | NotGiven | Ready | Failed | Ask | Answer | LeftToModel | NotScored
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
        raise Lost(f"what came is no message: {error}") from error


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
    found = bytearray(length)
    view = memoryview(found)
    try:
        while view:
            count = connection.recv_into(view)
            if not count:
                raise Lost("the connection was closed")
            view = view[count:]
    except OSError as error:
        raise Lost(str(error)) from error
    return found

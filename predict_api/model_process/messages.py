"""What workers, holders and scorers say to each other: msgpack behind a length, over sockets in a private directory.

Never a pickle. Bytes of artifacts and twins follow their message as they are.
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
    """The other side has ended."""


class Join(msgspec.Struct, tag=True, frozen=True):
    """A worker to a holder, first: have this version ready for as long as I am connected."""

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
        """How it is to be loaded."""
        return Rules(self.extra_globals, self.allow_version_skew, Runtime(self.runtime))


class Fork(msgspec.Struct, tag=True, frozen=True):
    """A worker to a holder, first: be a scorer on this connection."""


class Give(msgspec.Struct, tag=True, frozen=True):
    """A holder to a worker that joined: send me these bytes; `twin` is the SHA-256 of a twin, None the artifact."""

    twin: str | None


class Given(msgspec.Struct, tag=True, frozen=True):
    """The bytes follow."""


class NotGiven(msgspec.Struct, tag=True, frozen=True):
    """The twin cannot be had; `refused` says that it is not the one that the manifest names."""

    reason: str
    refused: bool


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The version is loaded, replayed and warm (from a holder); or this scorer is listening."""

    twin: bool


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The version cannot be made ready."""

    reason: str


class Ask(msgspec.Struct, tag=True, frozen=True):
    """A worker to its scorer: `rows` rows, a list of cells for each column in the schema's order."""

    by_twin: bool
    rows: int
    columns: Sequence[Sequence[Cell]]


class Answer(msgspec.Struct, tag=True, frozen=True):
    """The scores, as in `changeover.estimator.scoring.Scores`: JSON of any shape, as labels and probabilities are."""

    labels: list[Any]
    probabilities: list[Any] | None
    classes: list[Any] | None


class LeftToModel(msgspec.Struct, tag=True, frozen=True):
    """The twin leaves these rows to the estimator."""


class NotScored(msgspec.Struct, tag=True, frozen=True):
    """The model could not answer (`by_model`), or the scorer itself could not; `cause` is for the log alone."""

    by_model: bool
    reason: str
    cause: str


Message = (
    Join | Fork | Give | Given | NotGiven | Ready | Failed | Ask | Answer | LeftToModel | NotScored
)  # told apart by their tags
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def send(connection: socket.socket, message: Message) -> None:
    """Say `message`; raises Lost, or OverflowError for integers beyond 64 bits."""
    send_bytes(connection, _ENCODER.encode(message))


def receive(connection: socket.socket) -> Message:
    """The next message; raises Lost."""
    try:
        return _DECODER.decode(receive_bytes(connection))
    except msgspec.MsgspecError as error:
        raise Lost(f"what came is no message: {error}") from error


def send_bytes(connection: socket.socket, content: bytes) -> None:
    """Send `content` behind its length; raises Lost."""
    try:
        if len(content) < 65536:
            connection.sendall(_LENGTH.pack(len(content)) + content)
        else:
            connection.sendall(_LENGTH.pack(len(content)))
            connection.sendall(content)
    except OSError as error:
        raise Lost(str(error)) from error


def receive_bytes(connection: socket.socket) -> bytearray:
    """What was sent by `send_bytes`; raises Lost."""
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

"""The messages of a run, as lines of JSON: from the command to the run, from the run to its workers, and back."""

from typing import Final

import msgspec

from bulk_score.address import StoreAddress, VersionAddress


class Request(msgspec.Struct, frozen=True):
    """What to score: the first line that `python -m bulk_score` reads.

    `store` has the keys for addresses of s3://, and of the bucket in which the run is recorded.
    """

    source: str
    target: str
    server_url: str
    token: str
    model: str | None
    at: str
    keep: list[str]
    kind: str | None
    workers: int
    cache_dir: str
    store: StoreAddress | None = None
    authorities: str = ""  # that model_server's TLS is trusted by, as PEM


class Job(msgspec.Struct, frozen=True):
    """The first line of a worker: the version, and the places."""

    version: VersionAddress
    source: str
    target: str
    run: str
    store: StoreAddress | None


class Begun(msgspec.Struct, tag="begun", frozen=True):
    """The run has a plan; `done` of its rows are scored already."""

    run: str
    model: str
    version: str
    rows: int
    done: int


class Scored(msgspec.Struct, tag="scored", frozen=True):
    """So many more rows are scored, and their part is published; `created`: by this run, not by another beside it."""

    rows: int
    created: bool = True


class Done(msgspec.Struct, tag="done", frozen=True):
    """The run is complete; `recorded` is the key of its record in the bucket, or empty, and then `why` says why not."""

    run: str
    model: str
    version: str
    rows: int
    parts: int
    scored: int
    recorded: str = ""
    why: str = ""


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The run, or a worker, ended by an error."""

    kind: str
    error: str


Message = Begun | Scored | Done | Failed
MESSAGES: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)


def line(message: msgspec.Struct) -> bytes:
    """The message as a line."""
    return msgspec.json.encode(message) + b"\n"

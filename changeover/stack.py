"""The addresses of a running stack: `up.json`, and the `CHANGEOVER_*` variables.

`up.json` holds secrets: it is written atomically, by rename, with mode 0600.
"""

import json
import stat
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec.structs import replace
from pydantic import Field

from changeover.exceptions import StackNotFound
from changeover.json_documents import read_document
from changeover.json_types import JsonObject
from changeover.process.atomic_file import write_atomically
from changeover.process.settings import Settings

HOME: Final = ".changeover"
UP_JSON: Final = "up.json"


class Where(Settings):
    """The settings by which the command line and the client find a stack without `up.json`."""

    changeover_server_url: str | None = Field(default=None, description="address of model_server, for the CLI")
    changeover_predict_url: str | None = Field(
        default=None, description="address of predict_api, for the CLI; several are separated by commas"
    )
    changeover_api_key: str | None = Field(
        default=None,
        description="API key for predictions, for the CLI; sent only to the addresses of CHANGEOVER_PREDICT_URL",
    )
    changeover_token: str | None = Field(
        default=None,
        description="token to publish and roll, for the CLI; sent only to the server of CHANGEOVER_SERVER_URL or --server-url",
    )
    changeover_tls_ca: Path | None = Field(
        default=None,
        description="the PEM file of the authorities that the CLI trusts for https:// addresses; empty: public ones",
    )
    changeover_tls_cert: Path | None = Field(
        default=None, description="the PEM file of the certificate that the CLI presents to a service that asks for one"
    )
    changeover_tls_key: Path | None = Field(default=None, description="the PEM file of the key of CHANGEOVER_TLS_CERT")


class Pids(msgspec.Struct, frozen=True):
    """The processes of a stack; `predict_api` lists per instance its first process and then its workers."""

    up: int
    store: int
    model_server: int
    predict_api: list[list[int]]


class Stack(msgspec.Struct, frozen=True):
    """One running stack. Unknown members are empty: a stack from variables has no store and no pids."""

    predict_urls: list[str]
    server_url: str
    store_url: str = ""
    bucket: str = ""
    token: str = ""
    access_key: str = ""
    secret_key: str = ""
    pids: Pids | None = None
    tls_ca: str = ""  # the authorities of its services, as PEM

    def __repr__(self) -> str:
        return f"Stack(server_url={self.server_url!r}, predict_urls={self.predict_urls!r})"  # no secrets

    def to_json(self) -> JsonObject:
        """The JSON form of `up.json`; without `pids` and `tls_ca` if there are none."""
        body: JsonObject = msgspec.to_builtins(self)
        if not self.tls_ca:
            del body["tls_ca"]
        if self.pids is None:
            del body["pids"]
        return body

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read `up.json`; raises StackNotFound naming the invalid member."""
        return read_document(body, cls, "stack", StackNotFound)

    def without_pids(self) -> "Stack":
        """The same stack as `changeover credentials` prints it."""
        return replace(self, pids=None)


def up_file(home: Path) -> Path:
    """The file that describes the stack whose state is in `home`."""
    return home / UP_JSON


def write(stack: Stack, home: Path) -> None:
    """Write `up.json` into `home` with mode 0600; a reader sees the old file or the new one, never a partial one."""
    write_atomically(up_file(home), json.dumps(stack.to_json(), indent=1).encode() + b"\n")


def read(home: Path) -> Stack:
    """The stack that `home/up.json` describes; raises StackNotFound if there is none or it cannot be read."""
    path = up_file(home)
    try:
        return Stack.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise StackNotFound(
            f"no stack is running here: {path} does not exist; start one with `changeover up`, "
            "or set CHANGEOVER_SERVER_URL to the address of model_server"
        ) from None
    except OSError as error:
        raise StackNotFound(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, StackNotFound) as error:
        raise StackNotFound(f"{path} does not describe a stack: {error}; stop and start `changeover up`") from error


def is_private(home: Path) -> bool:
    """Whether only its owner may read `home/up.json`."""
    return stat.S_IMODE(up_file(home).stat().st_mode) & 0o077 == 0


def find(home: Path | None = None, server_url: str | None = None) -> Stack:
    """Find the stack: by `server_url`, then an explicit `home`, then `CHANGEOVER_*`, then `./.changeover`.

    Raises StackNotFound. The secrets of an `up.json` are sent only to the servers in that file, and `CHANGEOVER_TOKEN`
    only to a server that the caller named: a downloaded folder may hold a forged `up.json`.
    """
    variables = Where.from_environment()
    address = server_url or (None if home is not None else variables.changeover_server_url)
    if address is None:
        stack = read(home or Path(HOME))
    else:
        address = address.rstrip("/")
        stack = _known(home or Path(HOME), address) or Stack(predict_urls=[], server_url=address)
    if home is None and variables.changeover_predict_url:
        urls = [url.strip().rstrip("/") for url in variables.changeover_predict_url.split(",")]
        stack = replace(stack, predict_urls=urls)
    if home is None and address is not None and variables.changeover_token:
        stack = replace(stack, token=variables.changeover_token)
    return stack


def api_key(address: str, *, named: bool) -> str:
    """`CHANGEOVER_API_KEY` for predictions at `address`, if the caller or CHANGEOVER_PREDICT_URL named it; else empty."""
    variables = Where.from_environment()
    listed = [url.strip().rstrip("/") for url in (variables.changeover_predict_url or "").split(",")]
    return (variables.changeover_api_key or "") if named or address.rstrip("/") in listed else ""


def _known(home: Path, server_url: str) -> Stack | None:
    """The stack in `home/up.json`, if it names this server."""
    try:
        stack = read(home)
    except StackNotFound:
        return None
    return stack if stack.server_url.rstrip("/") == server_url else None

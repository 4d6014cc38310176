"""The static files of the pages: style sheet, scripts and icon, each with its digest in its address."""

import gzip
import hashlib
from importlib.resources import files
from typing import Final

from msgspec import Struct

PREFIX: Final = "/ui/static/"
_TYPES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Asset(Struct, frozen=True):
    """One file: its bytes, the same as gzip, its media type, and the first digits of its SHA-256."""

    body: bytes
    packed: bytes
    media_type: str
    digest: str


def _read(name: str, media_type: str) -> Asset:
    body = files("model_server.console").joinpath("static", name).read_bytes()
    return Asset(body, gzip.compress(body, 9, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:12])


ASSETS: Final = {name: _read(name, media_type) for name, media_type in _TYPES.items()}


def address(name: str) -> str:
    """The address of a file; another content has another address, so browsers may keep it."""
    return f"{PREFIX}{ASSETS[name].digest}/{name}"

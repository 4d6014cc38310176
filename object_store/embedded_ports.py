"""The ports of the embedded store: the previous ones where they are free, else new ones."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from object_store.exceptions import StoreUnavailable

_LOOPBACK: Final = "127.0.0.1"
_S3: Final = "s3.port"
_OPTIONS: Final = (
    _S3,
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
)
_ADMIN: Final = ("admin.port", "admin.port.grpc")
_ADMIN_DISTANCE: Final = 10_000  # weed's worker assumes this offset
_HIGHEST: Final = 65_535


def choose_ports(file: Path, s3_port: int) -> dict[str, int]:
    """Choose a free port for each option of the store, and store them in `file` for the next start.

    `s3_port` 0 means the previous one or a free one. Raises StoreUnavailable if a given port is busy.
    """
    last = _read(file)
    with ExitStack() as held:
        chosen: dict[str, int] = {}
        if s3_port and not _take(s3_port, held):
            raise StoreUnavailable(f"port {s3_port} is busy: stop what listens there, or give the store another port")
        if s3_port:
            chosen[_S3] = s3_port
        for option in _OPTIONS:
            if option not in chosen:
                chosen[option] = _last_or_free(last.get(option, 0), held)
        chosen |= _admin_ports(last.get(_ADMIN[0], 0), held)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")
    part.replace(file)
    return chosen


def _read(file: Path) -> dict[str, int]:
    """The stored ports; invalid entries are dropped."""
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(noted, dict):
        return {}
    return {option: port for option, port in noted.items() if isinstance(port, int) and 0 < port <= _HIGHEST}


def _last_or_free(last: int, held: ExitStack) -> int:
    return (last and _take(last, held)) or _free(held)


def _free(held: ExitStack) -> int:
    port = _take(0, held)
    if not port:
        raise StoreUnavailable(f"no free port on {_LOOPBACK}: close something that listens there")
    return port


def _admin_ports(last: int, held: ExitStack) -> dict[str, int]:
    candidate = last
    while True:
        with ExitStack() as tried:
            port = _last_or_free(candidate, tried)
            twin = port + _ADMIN_DISTANCE
            if twin <= _HIGHEST and _take(twin, tried):
                held.push(tried.pop_all())
                return dict(zip(_ADMIN, (port, twin), strict=True))
        candidate = 0


def _take(port: int, held: ExitStack) -> int:
    """Bind `port` (0: any) until `held` closes, so that no other option gets it; returns 0 if it is busy."""
    taken = held.enter_context(socket.socket())
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((_LOOPBACK, port))
    except OSError:
        return 0
    return int(taken.getsockname()[1])

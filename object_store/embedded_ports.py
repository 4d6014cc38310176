"""The ports of the embedded store: the previous ones where they are free, else new ones."""

import json
from pathlib import Path
from typing import Final

from changeover.process.atomic_file import write_atomically
from changeover.up.exceptions import NoFreePort
from changeover.up.ports import find_free, is_free
from object_store.exceptions import StoreUnavailable

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
    if s3_port and not is_free(s3_port):
        raise StoreUnavailable(f"port {s3_port} is busy: stop what listens there, or give the store another port")
    last = _read(file)
    taken = {s3_port}
    ports = {option: (option == _S3 and s3_port) or _last_or_free(last.get(option, 0), taken) for option in _OPTIONS}
    admin = _last_or_free(last.get(_ADMIN[0], 0), taken, _ADMIN_DISTANCE)
    while not _usable(admin + _ADMIN_DISTANCE, taken):
        admin = _last_or_free(0, taken, _ADMIN_DISTANCE)
    ports |= zip(_ADMIN, (admin, admin + _ADMIN_DISTANCE), strict=True)
    write_atomically(file, json.dumps(ports, indent=2).encode() + b"\n")
    return ports


def _read(file: Path) -> dict[str, int]:
    """The stored ports; invalid entries are dropped."""
    try:
        ports = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(ports, dict):
        return {}
    return {option: port for option, port in ports.items() if isinstance(port, int) and 0 < port <= _HIGHEST}


def _last_or_free(last: int, taken: set[int], distance: int = 0) -> int:
    """`last` if it is usable, else a free port as of `find_free`; it is added to `taken`."""
    try:
        port = last if last and _usable(last, taken) else find_free(taken, distance)
    except NoFreePort as error:
        raise StoreUnavailable(f"{error}; the store needs {len(_OPTIONS) + len(_ADMIN)} ports") from error
    taken.add(port)
    return port


def _usable(port: int, taken: set[int]) -> bool:
    return port <= _HIGHEST and port not in taken and is_free(port)

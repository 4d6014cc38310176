"""The ports of the services, and the process that holds a busy one.

Port 0 means a free port. A busy port is an error that names the port, its owner if known, and the option.
"""

import errno
import random
import socket
import sys
from pathlib import Path
from typing import Final

from changeover.up.exceptions import NoFreePort, PortBusy

LOOPBACK: Final = "127.0.0.1"
_LOWEST_FREE: Final = 10000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_AIRPLAY: Final = 5000


def is_free(port: int) -> bool:
    """Whether `port` of the loopback interface is free to listen on."""
    with socket.socket() as caller:
        caller.settimeout(0.5)
        if caller.connect_ex((LOOPBACK, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier run may linger
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def find_free(taken: set[int], distance: int = 0) -> int:
    """A free port outside `taken`; with `distance` added it is below those of outgoing connections.

    A restarted service needs the same port again. The system may give a port of its ephemeral range to an outgoing
    connection in between. Raises NoFreePort.
    """
    highest = first_ephemeral() - 1 - distance
    drawn = random.SystemRandom()  # two processes with one seed must not draw the same ports
    for _ in range(500):
        port = drawn.randint(_LOWEST_FREE, highest)
        if port not in taken and is_free(port):
            return port
    raise NoFreePort(f"no free port was found between {_LOWEST_FREE} and {highest}; name one with the option")


def next_free(port: int, taken: set[int]) -> int:
    """The first port after `port` that is free and not in `taken`; raises NoFreePort."""
    for candidate in range(port + 1, min(port + 1000, 65536)):
        if candidate not in taken and is_free(candidate):
            return candidate
    raise NoFreePort(f"no free port was found after {port}; name another with the option")


def choose(wanted: int, option: str, taken: set[int]) -> int:
    """`wanted` if it is free, or a free port where `wanted` is 0; adds it to `taken`. Raises PortBusy, NoFreePort."""
    if wanted == 0:
        port = find_free(taken)
    elif wanted in taken:
        raise PortBusy(f"port {wanted} is asked for twice; choose another with {option} PORT (0 = a free one)")
    elif not is_free(wanted):
        raise PortBusy(_busy(wanted, option))
    else:
        port = wanted
    taken.add(port)
    return port


def owner_of(port: int) -> str | None:
    """Name and process id of the listener on `port`, if the system shows it."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except (psutil.AccessDenied, OSError):  # macOS shows it to root only
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                return None
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f"process {connection.pid}"
    return None


def _busy(port: int, option: str) -> str:
    if port < 1024:
        return f"port {port} may not be used by this user or is busy; choose another with {option} PORT"
    owner = owner_of(port)
    text = f"port {port} is held by {owner}" if owner else f"port {port} is busy"
    hint = ""
    if sys.platform == "darwin" and port == _AIRPLAY and owner is None:
        hint = " (on macOS that is AirPlay: System Settings, General, AirDrop & Handoff, AirPlay Receiver)"
    return f"{text}{hint}; stop it, or choose another port with {option} PORT (0 = a free one)"


def first_ephemeral() -> int:
    """The lowest port that the system gives to outgoing connections; 32768 where it is not known or very low."""
    try:
        first = int(_EPHEMERAL.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32768
    return first if first > _LOWEST_FREE + 1000 else 32768

"""The ports on which the processes of a stack listen, and whether they answer a stranger.

A stranger is a program of any user of this machine: it has no key, no token and no certificate.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterable
from typing import Final

_SECONDS: Final = 1.0
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_ASKS_FOR_TLS: Final = b"HTTP request to an HTTPS server"  # what a TLS server written in Go says to plain HTTP


def listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """The addresses and TCP ports on which the processes `pids` and all below them listen.

    Processes that have ended, or that this user may not look at, are left out.
    """
    import psutil

    addresses: set[tuple[str, int]] = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            for each in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    addresses |= {
                        (one.laddr.ip, one.laddr.port)
                        for one in each.net_connections("tcp")
                        if one.status == psutil.CONN_LISTEN
                    }
    return addresses


def answers_strangers(host: str, port: int) -> bool:
    """Whether the listener there answers plain HTTP, or TLS without a certificate of the caller, in any way.

    A port that needs a certificate ends the connection, or says no more than that it needs TLS.
    """
    plain = _answer(host, port, None)
    if plain and _ASKS_FOR_TLS not in plain:
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent that a stranger may not read
    context.set_alpn_protocols(["h2", "http/1.1"])
    return bool(_answer(host, port, context))


def _answer(host: str, port: int, context: ssl.SSLContext | None) -> bytes:
    """The first bytes of an answer; empty if there is none."""
    try:
        with socket.create_connection((host, port), _SECONDS) as connection:
            if context is None:
                return _asked(connection)
            with context.wrap_socket(connection, server_hostname="localhost") as secured:
                return _asked(secured)
    except OSError:  # ssl.SSLError is one
        return b""


def _asked(connection: socket.socket) -> bytes:
    connection.sendall(_REQUEST)
    answer = b""
    with contextlib.suppress(OSError):  # a server that understands no HTTP/1.1 may send something, then reset
        while len(answer) < 1024 and (more := connection.recv(1024)):
            answer += more
    return answer

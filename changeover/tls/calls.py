"""The TLS of outgoing calls: the authorities they trust, the certificate they present, a handshake with a deadline."""

import selectors
import socket
import ssl
import threading

from changeover.exceptions import InvalidSetting
from changeover.process.log_events import event
from changeover.process.timed_socket import seconds_until
from changeover.tls.files import Content, Files


class CallContexts:
    """The context of each new connection, made again after the files have changed. Thread-safe.

    Without authorities of its own it trusts those of the system.
    """

    def __init__(self, files: Files) -> None:
        """Raises InvalidSetting if the files do not fit together."""
        self._files = files
        self._lock = threading.Lock()
        self._marks = files.marks()
        self._context = context_of(files.read())

    def current(self) -> ssl.SSLContext:
        """The context of the files as they are; of the last ones that fit together, if these do not."""
        marks = self._files.marks()
        with self._lock:
            if marks != self._marks:
                self._marks = marks
                try:
                    self._context = context_of(self._files.read())
                except (InvalidSetting, OSError) as error:
                    event("tls.not_reloaded", level="error", of="calls", reason=str(error))
                else:
                    event("tls.reloaded", of="calls")
            return self._context


def context_of(content: Content) -> ssl.SSLContext:
    """The context of a client: it trusts the authorities in `content`, or the system's if there are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if content.authorities:
        context.load_verify_locations(cadata=content.authorities.decode("ascii", "replace"))
    else:
        context.load_default_certs()
    if content.certificate:
        with content.as_files() as folder:
            context.load_cert_chain(folder / "certificate", folder / "key")
    return context


def shake_hands(connected: socket.socket, context: ssl.SSLContext, host: str, deadline: float) -> ssl.SSLSocket:
    """TLS over a connected socket, complete by `deadline` (of `clock.now`).

    Raises TimeoutError, or ssl.SSLError if the other side has no certificate of `host` that the context trusts. The
    timeout of a socket begins again with each read.
    """
    secured = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
    try:
        secured.setblocking(False)
        while not _is_done(secured, deadline):
            pass
    except OSError:
        secured.close()
        raise
    return secured


def _is_done(secured: ssl.SSLSocket, deadline: float) -> bool:
    """Whether the handshake is complete; if not, it has waited for the other side."""
    try:
        secured.do_handshake()
    except ssl.SSLWantReadError:
        _wait(secured, selectors.EVENT_READ, deadline)
        return False
    except ssl.SSLWantWriteError:
        _wait(secured, selectors.EVENT_WRITE, deadline)
        return False
    return True


def _wait(connected: socket.socket, event_mask: int, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(connected, event_mask)
        if not selector.select(seconds_until(deadline)):
            raise TimeoutError("the deadline of the call is over")

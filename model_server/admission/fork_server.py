"""The fork server of admission: `python -I -m model_server.admission.fork_server PRELOAD`.

It imports the libraries of models once, and reads no artifact. A fork examines each artifact, confined as in
`model_server/admission/child.py`. PRELOAD is JSON: `{"extra_globals": [...], "twins": true}`. Standard input is a
socket. Each message on it brings five descriptors: the artifact, its task, the verdict's pipe, the stderr's pipe, and a
reply socket. The server writes "+" to the reply socket when the child begins, and its exit status as a line when it
ends. If the caller shuts the reply socket down, the server kills the child. When standard input ends, the server and
its children end.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Final, NoReturn

from model_server.admission import child
from model_server.admission.confine import die_with_parent

_DESCRIPTORS: Final = 5


class _Server:
    """The loop that forks, reaps and kills child processes. Single-threaded."""

    def __init__(self, control: socket.socket, warnings: str) -> None:
        self._control, self._warnings, self._pid = control, warnings, os.getpid()
        self._selector = DefaultSelector()
        self._replies: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Serve until standard input ends."""
        woken, wakes = socket.socketpair()
        for end in (woken, wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._control, EVENT_READ)
        self._selector.register(woken, EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._begin():
                        return
                elif key.fileobj is woken:
                    woken.recv(4096)
                    self._reap()
                elif key.data in self._replies:  # the caller shut its socket down and waits no longer
                    self._selector.unregister(self._replies[key.data])
                    _kill(key.data)

    def _begin(self) -> bool:
        """Fork a child for the next message; False at the end of the input."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, _DESCRIPTORS)
        if not message:
            return False
        *child_descriptors, reply_descriptor = descriptors
        reply = socket.socket(fileno=reply_descriptor)
        try:
            pid = os.fork()
        except OSError as error:
            sys.stderr.write(f"no process could be forked to examine an artifact: {error}\n")
            reply.close()
        else:
            if pid == 0:
                _examine(self._pid, child_descriptors, self._warnings)
            self._replies[pid] = reply
            self._selector.register(reply, EVENT_READ, pid)
            with contextlib.suppress(OSError):
                reply.send(b"+")
        for descriptor in child_descriptors:
            os.close(descriptor)
        return True

    def _reap(self) -> None:
        """Send the exit status of each child that ended."""
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                _kill(ended.si_pid)  # its whole group; the kernel cannot reuse the pid before the next line
                _, status = os.waitpid(ended.si_pid, 0)
                reply = self._replies.pop(ended.si_pid)
                with contextlib.suppress(KeyError):
                    self._selector.unregister(reply)
                with reply, contextlib.suppress(OSError):
                    reply.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _examine(server: int, descriptors: list[int], warnings: str) -> NoReturn:
    """Examine an artifact in a new child process: close all other descriptors, examine, exit."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        if os.getppid() == server:
            os.setsid()
            artifact, task, output, stderr = descriptors
            os.dup2(stderr, 2)
            os.dup2(2, 1)  # so that the output of a library does not mix with the verdict
            with Path(os.devnull).open("rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            _close_all_but(artifact, task, output)
            sys.stderr.write(warnings)
            child.examine(artifact, task, os.fdopen(output, "w", encoding="utf-8"))
            status = 0
    except SystemExit as error:
        sys.stderr.write(f"{error}\n")
    except BaseException:  # noqa: BLE001  as the interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _close_all_but(*kept: int) -> None:
    """Close every descriptor except `kept` and the standard streams."""
    begin = 3
    for descriptor in sorted(kept):
        os.closerange(begin, descriptor)
        begin = descriptor + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def main(arguments: list[str]) -> int:
    """Import the libraries, then serve."""
    os.nice(child.NICE)  # for the imports, too
    preload = json.loads(arguments[0])
    control = socket.socket(fileno=os.dup(0))
    warnings = child.preload(preload["extra_globals"], twins=preload["twins"])
    gc.collect()
    gc.freeze()  # no child's collector walks the imported objects, so their pages stay shared
    _Server(control, warnings).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

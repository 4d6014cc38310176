"""The zygote: `bootstrap.py model_runner.zygote [early]`. It imports the libraries of models, and forks runners.

It reads no artifact and starts with an environment without secrets. Standard input is a socket, its only one. The first
message on it is `Preload` as JSON; with `early` most imports do not wait for it. Each further message is `Options`, and
brings three descriptors: the socket of the new runner, its standard error, and a reply socket. The zygote writes "+" to
the reply socket when the runner begins, and its exit status as a line when it ends. If the caller shuts the reply socket
down, the zygote kills the runner and its scorers. When standard input ends, the zygote and its runners end.
"""

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Final, NoReturn

import msgspec

from model_runner import libraries, runner
from model_runner.confinement.confine import adopt_orphans, die_with_parent
from model_runner.options import Options, Preload

_DESCRIPTORS: Final = 3
_LONGEST_OPTIONS: Final = 65536
_LONGEST_PRELOAD: Final = 1 << 20


class _Zygote:
    """The loop that forks, reaps and kills runners. Single-threaded."""

    def __init__(self, control: socket.socket, preload: Preload, warnings: str) -> None:
        self._control, self._preload, self._warnings, self._pid = control, preload, warnings, os.getpid()
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
        """Fork a runner for the next message; False at the end of the input."""
        message, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_OPTIONS, _DESCRIPTORS)
        if not message:
            return False
        *of_runner, reply_descriptor = descriptors
        reply = socket.socket(fileno=reply_descriptor)
        try:
            pid = os.fork()
        except OSError as error:
            sys.stderr.write(f"no process could be forked to run a model: {error}\n")
            reply.close()
        else:
            if pid == 0:
                self._become_runner(of_runner, message)
            self._replies[pid] = reply
            self._selector.register(reply, EVENT_READ, pid)
            with contextlib.suppress(OSError):
                reply.send(b"+")
        for descriptor in of_runner:
            os.close(descriptor)
        return True

    def _become_runner(self, descriptors: list[int], message: bytes) -> NoReturn:
        """Run a runner in a new child process: close all other descriptors, run, exit."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps scorers that have ended
            die_with_parent()
            if os.getppid() == self._pid:
                os.setsid()
                connection, stderr = descriptors
                os.dup2(stderr, 2)
                os.dup2(2, 1)
                with Path(os.devnull).open("rb") as nothing:
                    os.dup2(nothing.fileno(), 0)
                _close_all_but(connection)
                sys.stderr.write(self._warnings)
                options = msgspec.json.decode(message, type=Options)
                runner.run(socket.socket(fileno=connection), options, self._preload)
                status = 0
        except SystemExit as error:
            sys.stderr.write(f"{error}\n")
        except BaseException:  # noqa: BLE001  as the interpreter does at its end
            traceback.print_exc()
        finally:
            runner.exit_now(status)

    def _reap(self) -> None:
        """Reap each process that ended. For a runner, end its scorers, too, and send its exit status."""
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                _kill(ended.si_pid)  # its scorers, too; the kernel cannot reuse the pid before the next line
                _, status = os.waitpid(ended.si_pid, 0)
                if (reply := self._replies.pop(ended.si_pid, None)) is None:
                    continue  # a scorer, whose runner had ended before
                with contextlib.suppress(KeyError):
                    self._selector.unregister(reply)
                with reply, contextlib.suppress(OSError):
                    reply.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _close_all_but(kept: int) -> None:
    """Close every descriptor except `kept` and the standard streams."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def main(arguments: list[str]) -> int:
    """Import the libraries, then serve."""
    die_with_parent()
    adopt_orphans()
    control = socket.socket(fileno=os.dup(0))
    if arguments == ["early"]:
        libraries.import_of_models()
    first = control.recv(_LONGEST_PRELOAD)
    if not first:
        return 0
    preload = msgspec.json.decode(first, type=Preload)
    if preload.nice:
        os.nice(preload.nice)  # for the imports, too
    warnings = libraries.preload(preload)
    gc.collect()
    gc.freeze()  # no runner's collector walks the imported objects, so their pages stay shared
    _Zygote(control, preload, warnings).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

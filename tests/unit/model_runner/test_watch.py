"""The thread of the host that watches runners: what has ended does not keep it busy."""

import os
import socket
import subprocess
import sys

import pytest

from model_runner.pool.watch import Watch
from tests.conftest import wait_until
from tests.tree import ROOT

ASKS = """
import os, socket, sys
from model_runner.confinement import confine, fork_permits

confine._prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b"."], [fork_permits.install()])
try:
    if os.fork() == 0:
        os._exit(0)
except OSError:
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is of Linux")
def test_a_process_that_asked_and_ended_is_watched_no_more() -> None:
    """The kernel reports the listener of processes that have ended for as long as anything waits for it."""
    watch = Watch()
    here, there = socket.socketpair()
    with here:
        with there:
            command = [sys.executable, "-c", ASKS, str(there.fileno())]
            process = subprocess.Popen(command, pass_fds=[there.fileno()], cwd=ROOT)
        _, (listener,), _, _ = socket.recv_fds(here, 1, 1)
    asked: list[int] = []

    def permitted() -> bool:
        asked.append(1)
        return False

    watch.permit(listener, permitted)
    process.wait()
    assert asked
    wait_until(lambda: listener not in watch._selector.get_map(), what="the end of the watch of a listener")
    watch.forget(listener)
    wait_until(lambda: not _is_open(listener), what="the listener is closed")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True

"""The progress of a preparation of the lowest priority: it runs when nothing else would, and on a full machine never.

Linux lets no process raise its own priority again, so such a preparation is begun again with the usual one.
"""

import os
import select
import socket
from pathlib import Path
from typing import Final

from changeover.process.clock import now

_LOOK_MS: Final = 100
_SOON: Final = 1.0  # seconds before which nothing is decided
_LONG: Final = 5.0
_LITTLE, _MOST = 0.4, 0.8  # of a processor: less is too little soon, and in a preparation that takes long
_USER, _SYSTEM = 11, 12  # fields of /proc/PID/stat after the name, see proc_pid_stat(5)


def starves(elapsed: float, used: float) -> bool:
    """Whether a preparation that has used `used` seconds of a processor in `elapsed` seconds gets too little of it."""
    return elapsed >= _SOON and used < elapsed * (_MOST if elapsed > _LONG else _LITTLE)


def used_by(pid: int) -> float:
    """The seconds of a processor that a process has used; raises OSError."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")


def answers_in_time(connection: socket.socket, pid: int, deadline: float) -> bool:
    """Wait until `connection` has an answer, or until `deadline`; False if the process `pid` starves before."""
    answer = select.poll()
    answer.register(connection, select.POLLIN)
    try:
        began, before = now(), used_by(pid)
        while not answer.poll(_LOOK_MS) and (time := now()) < deadline:
            if starves(time - began, used_by(pid) - before):
                return False
    except OSError:  # it has ended, or its use cannot be read
        return bool(answer.poll(0))
    return True

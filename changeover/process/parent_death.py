"""The end of a process when its parent dies, even by SIGKILL: no service outlives `changeover up`.

Every service calls `end_with_parent` first in its `__main__`, and so does each of its worker processes.
"""

import ctypes
import multiprocessing
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_POLL_SECONDS: Final = 0.5


def end_with_parent(expected: int | None = None, within: int | None = None) -> None:
    """Request SIGTERM for this process when its parent dies, and with `within` its end that many seconds later.

    The second is for a process that a living parent would kill if it did not obey SIGTERM: the kernel does it then
    (setitimer(2), SIGALRM), even where no thread of Python runs any more.

    On Linux the kernel does it (prctl(2), PR_SET_PDEATHSIG); it lasts over `exec`, is not inherited by children, and
    "parent" means the *thread* that started this process, so start children from a thread that stays. On other systems
    a daemon thread polls, which does not last over `exec`. `expected` is the parent's process id, which a process of
    multiprocessing knows by itself: it reveals a parent that died before this call.
    """
    parent = os.getppid()
    if expected is None and (started_by := multiprocessing.parent_process()) is not None:
        expected = started_by.pid
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"prctl(PR_SET_PDEATHSIG): {os.strerror(code)}")
    else:
        threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    if within is not None:
        threading.Thread(target=_die_after, args=(parent, within), name="parent-death", daemon=True).start()
    if os.getppid() != (parent if expected is None else expected):
        os.kill(os.getpid(), signal.SIGTERM)


def outlives_parent() -> bool:
    """Whether nohup started this process, which then outlives its parent.

    nohup ignores SIGHUP, and children inherit that. If the parent ignores SIGHUP too, it was inherited and not chosen.
    """
    return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and not _ignores_hangups(os.getppid())


def _watch(parent: int) -> None:
    _wait_for_death(parent)
    os.kill(os.getpid(), signal.SIGTERM)


def _die_after(parent: int, seconds: int) -> None:
    _wait_for_death(parent)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _wait_for_death(parent: int) -> None:
    """Return when the parent has died: this process then has another parent."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may refuse the call
            descriptor = os.pidfd_open(parent)
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            if os.getppid() == parent:
                ended.poll()
            os.close(descriptor)
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(_POLL_SECONDS)


def _ignores_hangups(pid: int) -> bool:
    """Whether a process ignores SIGHUP; known on Linux only, from /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    ignored = next((line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")), "0")
    return bool(int(ignored, 16) >> (signal.SIGHUP - 1) & 1)

"""The processes of a stack, as the operating system lists them."""

from pathlib import Path
from typing import Final

_NO_WORKERS: Final = ("resource_tracker", "forkserver", "model_runner.pool.host")
_PROC: Final = Path("/proc")


def is_alive(pid: int) -> bool:
    """Whether the process runs; a process of another user that hides its state counts as running."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def children_of(pid: int) -> str | None:
    """The children of a process as the kernel lists them, to notice a change; None if it has no such list.

    It takes 30 us. psutil reads the state of every process of the machine for that.
    """
    try:
        lists = [path.read_text() for path in sorted((_PROC / str(pid) / "task").glob("*/children"))]
    except OSError:
        return None
    return " ".join(lists) if lists else None


def pids_of_instance(master: int) -> list[int]:
    """The first process of a predict_api instance, then its workers by age."""
    import psutil

    workers = []
    try:
        for child in psutil.Process(master).children():
            try:
                command = " ".join(child.cmdline())
                if child.status() != psutil.STATUS_ZOMBIE and not any(word in command for word in _NO_WORKERS):
                    workers.append((child.create_time(), child.pid))
            except psutil.Error:
                continue
    except psutil.Error:
        return [master]
    return [master, *(pid for _, pid in sorted(workers))]


def serving_pid(master: int) -> int:
    """The process that does the work of a service: the newest worker of `master`, or `master` without workers.

    Killing only the first process of model_server would leave the worker with the current pointer running.
    """
    return pids_of_instance(master)[-1]


def first_process(pid: int, up: int) -> int:
    """The process that `up` started for the service of `pid`; `pid` itself if unknown."""
    import psutil

    try:
        parent = psutil.Process(pid).ppid()
    except psutil.Error:
        return pid
    return pid if parent in {up, 0, 1} else parent

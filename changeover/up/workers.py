"""The worker processes of a service, as the system tells them."""

from typing import Final

_NO_WORKERS: Final = ("resource_tracker", "forkserver")


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

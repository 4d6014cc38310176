"""The means of the acts: system calls, a name for a process, and attempts that may be refused."""

import contextlib
import ctypes


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def system_call(name, *arguments):
    result = getattr(_libc(), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def take_name(words):
    """Give this process the name by which the test finds it."""
    with contextlib.suppress(OSError):
        system_call("prctl", 15, words["program"].encode(), 0, 0, 0)


def try_all(*attempts):
    """Try each; an attempt that is refused does not stop the next one."""
    for attempt in attempts:
        with contextlib.suppress(OSError, RuntimeError, ValueError, AttributeError, MemoryError):
            attempt()

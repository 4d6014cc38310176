"""Permits for forks: a runner may start a process only when the pool has just asked it to fork a scorer.

A seccomp filter of the runner stops each of its calls of clone(2) that makes a process, and notifies the pool, which
lets it go on or fail with EPERM (seccomp_unotify(2), Linux 5.5). So a model's own code starts no process.
"""

import ctypes
import fcntl
import platform
import select
import struct
import sys
from typing import Final

from model_runner.confinement.syscall_filter import Instruction, as_bytes

_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*, linux/audit.h
_FILTER_MODE, _NEW_LISTENER = 1, 1 << 3
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # linux/bpf_common.h
_ALLOW, _NOTIFY, _KILL = 0x7FFF0000, 0x7FC00000, 0x80000000
_CLONE_THREAD: Final = 0x00010000
_NOTIFICATION, _RESPONSE = struct.Struct("=QIIi60x"), struct.Struct("=QqiI")  # seccomp_notif, seccomp_notif_resp
_RECEIVE: Final = 3 << 30 | _NOTIFICATION.size << 16 | ord("!") << 8
_SEND: Final = 3 << 30 | _RESPONSE.size << 16 | ord("!") << 8 | 1
_CONTINUE, _EPERM = 1, 1


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install() -> int | None:
    """Install the filter in this process; returns the descriptor for `answer`, or None where the kernel has none.

    The process must have `no_new_privileges`.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _SECCOMP:
        return None
    steps: list[Instruction] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 3, _CLONE[machine]),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _NOTIFY),
        (_RETURN, 0, 0, _ALLOW),
    ]
    content = as_bytes(steps)
    program = _Program(len(content) // 8, content)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    descriptor = call(
        ctypes.c_long(_SECCOMP[machine]),
        ctypes.c_uint(_FILTER_MODE),
        ctypes.c_uint(_NEW_LISTENER),
        ctypes.byref(program),
    )
    return None if descriptor < 0 else int(descriptor)


def answer(listener: int, *, permitted: bool) -> None:
    """Answer the next notification, which waits; raises OSError if the process that made it has ended."""
    buffer = bytearray(_NOTIFICATION.size)
    fcntl.ioctl(listener, _RECEIVE, buffer)
    identity, *_ = _NOTIFICATION.unpack(buffer)
    response = _RESPONSE.pack(identity, 0, 0, _CONTINUE) if permitted else _RESPONSE.pack(identity, 0, -_EPERM, 0)
    fcntl.ioctl(listener, _SEND, bytearray(response))


def can_ask(listener: int) -> bool:
    """Whether a process that may ask is left."""
    state = select.poll()
    state.register(listener, select.POLLIN)
    return not any(events & select.POLLHUP for _, events in state.poll(0))

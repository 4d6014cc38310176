"""The confinement of a runner: resource limits, and on Linux Landlock and seccomp.

Each measure is independent: on a kernel without it, its result is False, not an error.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final

from model_runner.confinement import fork_permits, syscall_filter

# linux/prctl.h
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVILEGES = 1, 4, 36, 38
# the same numbers on every architecture (landlock), and by architecture (seccomp)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_FILTER_MODE, _ALL_THREADS = 1, 1
_VERSION_ONLY, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
# the number of access rights in each version of Landlock (linux/landlock.h)
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_RIGHTS, _SCOPES = 0b11, 0b11  # bind and connect TCP from 4 on; abstract sockets and signals from 6 on
_MOST_FILES: Final = 64

MEASURES: Final = ("rlimits", "dies_with_parent", "not_dumpable", "no_new_privileges", "landlock", "seccomp")


@dataclass(frozen=True)
class Limits:
    """The limits of a runner: its address space, and its processor time, None without a limit."""

    memory_bytes: int
    cpu_seconds: int | None = None


def die_with_parent() -> bool:
    """Make the kernel send SIGKILL when the thread that started this process ends (prctl(2))."""
    return _prctl(_SET_DEATH_SIGNAL, SIGKILL)


def adopt_orphans() -> bool:
    """Become the parent of each descendant whose parent ends (prctl(2)): process 1 of a container does not reap it."""
    return _prctl(_SET_CHILD_SUBREAPER, 1)


def confine(
    readable: Iterable[Path], limits: Limits, permits: Callable[[int], None] | None = None
) -> tuple[dict[str, bool], bool]:
    """Permit only computing, and reading below `readable`, from now on.

    Returns for each of MEASURES if it holds, and whether the process may fork. It may if `permits` gets the descriptor
    by which another process permits each fork, and then without that process it may not. The process must have a single
    thread: Landlock binds the calling thread and those it starts later.
    """
    holds = {"rlimits": _limit(limits), "dies_with_parent": die_with_parent()}
    holds["not_dumpable"] = _prctl(_SET_DUMPABLE, 0)
    holds["no_new_privileges"] = _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    holds["landlock"] = holds["no_new_privileges"] and _landlock(readable)
    listener = fork_permits.install() if permits is not None and holds["no_new_privileges"] else None
    if permits is not None and listener is not None:
        permits(listener)
    holds["seccomp"] = holds["no_new_privileges"] and _seccomp(forks=listener is not None)
    return {measure: holds[measure] for measure in MEASURES}, listener is not None


def forbid_forks() -> bool:
    """Permit no further process, and no signal, to this process: a scorer has only to compute."""
    return _install(syscall_filter.of_a_scorer(platform.machine()) if _machine_is_known() else b"")


def _limit(limits: Limits) -> bool:
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_AS: limits.memory_bytes,
    }
    if limits.cpu_seconds is not None:
        wanted[resource.RLIMIT_CPU] = limits.cpu_seconds
    holds = True
    for limit, most in wanted.items():
        _, hard = resource.getrlimit(limit)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(limit, (allowed, allowed))
        except (OSError, ValueError):  # macOS lacks some of them
            holds = False
    return holds


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    zero = ctypes.c_ulong(0)
    return int(_libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero)) == 0


def _syscall(number: int, *arguments: object) -> int:
    call = _libc().syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *arguments))


def _landlock(readable: Iterable[Path]) -> bool:
    """Landlock: permits only reading, and only below `readable`; forbids TCP and signals to other processes."""
    if sys.platform != "linux" or _threads() != 1:
        return False
    version = _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_ONLY))
    if version < 1:
        return False
    rights = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    parts = [rights]
    if version >= 4:
        parts.append(_NETWORK_RIGHTS)
    if version >= 6:
        parts.append(_SCOPES)
    handled = struct.pack(f"={len(parts)}Q", *parts)
    ruleset = _syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        return _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    """Add a rule for `path`. A missing path needs none; a path whose rule fails stays forbidden."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | _READ_DIRECTORY if path.is_dir() else _READ_FILE
        rule = struct.pack("=Qi", rights, beneath)
        _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(beneath)


def _threads() -> int:
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return threading.active_count()


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _seccomp(*, forks: bool) -> bool:
    """seccomp(2): the filter of `model_runner/confinement/syscall_filter.py`, on every thread of this process."""
    return _install(
        syscall_filter.program(platform.machine(), os.getpid(), forks=forks) if _machine_is_known() else b""
    )


def _machine_is_known() -> bool:
    return sys.platform == "linux" and platform.machine() in _SECCOMP


def _install(instructions: bytes) -> bool:
    if not instructions:
        return False
    program = _Program(len(instructions) // 8, instructions)
    mode, flags = ctypes.c_uint(_FILTER_MODE), ctypes.c_uint(_ALL_THREADS)
    return _syscall(_SECCOMP[platform.machine()], mode, flags, ctypes.byref(program)) == 0

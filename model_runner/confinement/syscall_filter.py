"""The seccomp filters of runners and scorers: they forbid sockets, programs, processes and changes of files.

It is a classic BPF program, see seccomp(2). The system calls named here fail with EPERM; the others are permitted.
"""

import struct
from typing import Final

# name, number on x86_64, number on aarch64 (asm/unistd_64.h and asm-generic/unistd.h); "-" for none
_FORBIDDEN: Final = """
socket 41 198  socketpair 53 199  connect 42 203  bind 49 200  listen 50 201  accept 43 202  accept4 288 242
sendto 44 206  sendmsg 46 211  sendmmsg 307 269
execve 59 221  execveat 322 281  fork 57 -  vfork 58 -
ptrace 101 117  process_vm_readv 310 270  process_vm_writev 311 271  pidfd_open 434 434  pidfd_getfd 438 438
tkill 200 130  rt_sigqueueinfo 129 138  rt_tgsigqueueinfo 297 240  pidfd_send_signal 424 424
shmget 29 194  shmat 30 196  semget 64 190  msgget 68 186  mq_open 240 180
mount 165 40  umount2 166 39  move_mount 429 429  open_tree 428 428  fsopen 430 430  fsmount 432 432  fspick 433 433
mount_setattr 442 442  pivot_root 155 41  chroot 161 51  setns 308 268  unshare 272 97
bpf 321 280  perf_event_open 298 241  userfaultfd 323 282  keyctl 250 219  add_key 248 217  request_key 249 218
io_uring_setup 425 425  io_uring_enter 426 426  io_uring_register 427 427
init_module 175 105  finit_module 313 273  delete_module 176 106  kexec_load 246 104  kexec_file_load 320 294
reboot 169 142  swapon 167 224  swapoff 168 225  acct 163 89  quotactl 179 60  personality 135 92
settimeofday 164 170  clock_settime 227 112  clock_adjtime 305 266  adjtimex 159 171
setuid 105 146  setgid 106 144  setreuid 113 145  setregid 114 143  setresuid 117 147  setresgid 119 149
setgroups 116 159  setfsuid 122 151  setfsgid 123 152  capset 126 91  setrlimit 160 164
open_by_handle_at 304 265  name_to_handle_at 303 264
creat 85 -  truncate 76 45  unlink 87 -  unlinkat 263 35  rename 82 -  renameat 264 38  renameat2 316 276
link 86 -  linkat 265 37  symlink 88 -  symlinkat 266 36  mkdir 83 -  mkdirat 258 34  rmdir 84 -
mknod 133 -  mknodat 259 33  chmod 90 -  fchmod 91 52  fchmodat 268 53  fchmodat2 452 452
chown 92 -  fchown 93 55  lchown 94 -  fchownat 260 54
utime 132 -  utimes 235 -  utimensat 280 88  futimesat 261 -
setxattr 188 5  lsetxattr 189 6  fsetxattr 190 7  removexattr 197 14  lremovexattr 198 15  fremovexattr 199 16
"""
_ON_CONDITION: Final = "clone 56 220  clone3 435 435  kill 62 129  tgkill 234 131  prlimit64 302 261  open 2 -  openat 257 56  openat2 437 437"
_COLUMN: Final = {"x86_64": 1, "aarch64": 2}
_ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*, linux/audit.h
_X32: Final = 0x40000000  # the other system call table of x86_64

# linux/bpf_common.h and linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _MACHINE = 0, 4  # offsets in struct seccomp_data
_EPERM, _ENOSYS, _EACCES = 1, 38, 13
_CLONE_THREAD: Final = 0x00010000
_WRITING: Final = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def numbers(machine: str) -> dict[str, int]:
    """The numbers of the system calls above on `machine` (`x86_64` or `aarch64`), by name."""
    words = (_FORBIDDEN + _ON_CONDITION).split()
    rows = [words[start : start + 3] for start in range(0, len(words), 3)]
    column = _COLUMN[machine]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _argument(position: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * position + (4 if high else 0))  # little-endian halves


def _return(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _only_if(position: int, test: Instruction, refusal: int) -> list[Instruction]:
    """Allow the call if `test` holds for the low half of an argument."""
    return [_argument(position), test, _return(_ALLOW), _return(_ERROR | refusal)]


def _unless(position: int, test: Instruction, refusal: int) -> list[Instruction]:
    """Refuse the call if `test` holds for the low half of an argument."""
    return [_argument(position), test, _return(_ERROR | refusal), _return(_ALLOW)]


def _conditions(pid: int) -> dict[str, list[Instruction]]:
    this_process = (_EQUAL, 0, 1, pid)
    writing = (_ANY_BIT, 0, 1, _WRITING)
    return {
        "clone": _only_if(0, (_ANY_BIT, 0, 1, _CLONE_THREAD), _EPERM),  # permits threads, forbids processes
        "clone3": [_return(_ERROR | _ENOSYS)],  # a filter cannot read its flags; the C library falls back to clone
        "openat2": [_return(_ERROR | _ENOSYS)],
        "kill": _only_if(0, this_process, _EPERM),
        "tgkill": _only_if(0, this_process, _EPERM),
        "prlimit64": [  # permits reading: the pointer to the new limit is null
            _argument(2),
            (_EQUAL, 0, 3, 0),
            _argument(2, high=True),
            (_EQUAL, 0, 1, 0),
            _return(_ALLOW),
            _return(_ERROR | _EPERM),
        ],
        "open": _unless(1, writing, _EACCES),
        "openat": _unless(2, writing, _EACCES),
    }


def program(machine: str, pid: int, *, forks: bool = False) -> bytes:
    """The filter for the process `pid` on `machine`, as an array of `struct sock_filter`.

    With `forks`, `model_runner/confinement/fork_permits.py` decides about forks: by a filter of its own.
    """
    conditions = _conditions(pid)
    if forks:
        conditions["clone"] = [_return(_ALLOW)]
    return as_bytes(_steps(machine, numbers(machine), conditions))


def of_a_scorer(machine: str) -> bytes:
    """The filter that a scorer adds to that of its runner: no further process, and no signal."""
    forbidden = {name: numbers(machine)[name] for name in ("clone", "kill", "tgkill")}
    return as_bytes(_steps(machine, forbidden, {"clone": _conditions(0)["clone"]}))


def as_bytes(steps: list[Instruction]) -> bytes:
    """A program as an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _steps(machine: str, forbidden: dict[str, int], conditions: dict[str, list[Instruction]]) -> list[Instruction]:
    steps: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        _return(_KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), _return(_KILL)]
    for name, number in forbidden.items():
        body = conditions.get(name, [_return(_ERROR | _EPERM)])
        steps += [(_EQUAL, 0, len(body), number), *body]
    steps.append(_return(_ALLOW))
    return steps

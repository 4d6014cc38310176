"""Acts that reach outside: files, processes, connections, other processes and their secrets.

Each takes `words`, and returns None or an answer.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

from .means import system_call, take_name, try_all


def write_files(words):
    try_all(*(lambda path=path: Path(path).write_text("written", encoding="utf-8") for path in words["files"]))


def make_links(words):
    first, second, *_ = words["files"]
    try_all(
        lambda: Path(first).symlink_to(words["secret"]),
        lambda: os.link(words["secret"], second),
        lambda: os.mkfifo(words["files"][2]),
        Path(words["files"][3]).mkdir,
        lambda: os.truncate(words["secret"], 0),
        Path(words["secret"]).unlink,
        lambda: Path(words["secret"]).chmod(0o777),
    )


def start_program(words):
    command = [words["program"], "600"]
    try_all(
        lambda: subprocess.Popen(command, executable="/bin/sleep", start_new_session=True),
        lambda: os.posix_spawn("/bin/sleep", command, {}),
        lambda: os.system("exec -a " + words["program"] + " sleep 600 &"),
    )


def fork(words):
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        take_name(words)
        signal.pause()


def vfork_and_clone(words):
    stack = ctypes.create_string_buffer(1 << 16)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: take_name(words) or signal.pause() or 0)
    top = ctypes.c_void_p(ctypes.addressof(stack) + (1 << 16) - 64)
    system_call("clone", callback, top, 17, None)


def fork_bomb(words):
    with contextlib.suppress(OSError):
        for _ in range(64):
            if os.fork() == 0:
                take_name(words)
                signal.pause()


def thread_bomb(words):
    gate = threading.Event()
    with contextlib.suppress(RuntimeError):
        for _ in range(20000):
            threading.Thread(target=gate.wait, daemon=True).start()


def thread_that_stays(words):
    pause = threading.Event()

    def later():
        while not pause.wait(0.05):
            write_files(words)
            with contextlib.suppress(OSError):
                connect(words)

    threading.Thread(target=later, daemon=True).start()


def connect(words):
    try_all(
        lambda: socket.create_connection(("127.0.0.1", words["port"]), 2).sendall(b"hello"),
        lambda: socket.socket(socket.AF_UNIX).connect(words["address"]),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", words["port"])),
    )


def _readable(paths):
    parts = []
    for path in paths:
        with contextlib.suppress(OSError):
            parts.append(path + ": " + Path(path).read_bytes()[:20000].decode("latin1"))
    return "\n".join(parts)


def read_proc(words):
    found = [*Path("/proc").glob("[0-9]*/environ"), *Path("/proc").glob("[0-9]*/cmdline")]
    return _readable([*map(str, found), "/proc/net/tcp"])


def read_files(words):
    folder = Path(words["home"])
    inside = [str(path) for path in folder.rglob("*") if path.is_file()] if os.access(folder, os.R_OK) else []
    return _readable(["/etc/passwd", "/etc/shadow", words["secret"], *inside[:200]])


def kill_parent(words):
    try_all(lambda: os.kill(os.getppid(), signal.SIGKILL))


def kill_others(words):
    """Every process of the stack that `/proc` names, by number where it names none."""
    try_all(*(lambda number=number: os.kill(number, signal.SIGKILL) for number in words["pids"]))


def trace_others(words):
    """Attach to each process of the stack, and read its memory."""
    for number in words["pids"]:
        with contextlib.suppress(OSError):
            system_call("ptrace", 16, number, None, None)
        with contextlib.suppress(OSError):
            return _memory_of(number)
    return None


def _memory_of(number):
    parts = []
    for line in Path(f"/proc/{number}/maps").read_text(encoding="utf-8").splitlines():
        if "[stack]" in line or "[heap]" in line:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            with Path(f"/proc/{number}/mem").open("rb", 0) as memory:
                memory.seek(begin)
                parts.append(memory.read(min(end - begin, 1 << 22)).decode("latin1"))
    return "".join(parts)


def run_from_memory(words):
    """A program in a memory file."""
    number = os.memfd_create(words["program"])
    os.write(number, Path("/bin/sleep").read_bytes())
    if os.fork() == 0:
        os.execve(f"/proc/self/fd/{number}", [words["program"], "600"], {})


def replace_itself(words):
    os.execv("/bin/sleep", [words["program"], "600"])


def shared_memory(words):
    from multiprocessing import shared_memory as shared

    shared.SharedMemory(name=Path(words["files"][-1]).name, create=True, size=4096)

"""The acts: each takes `words`, and returns None or an answer. Refused ones raise, or are caught where others follow."""

import contextlib
import ctypes
import glob
import mmap
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _call(name, *arguments):
    result = getattr(_libc(), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def _named(words):
    """Give this process the name by which the test finds it."""
    with contextlib.suppress(OSError):
        _call("prctl", 15, words["program"].encode(), 0, 0, 0)


def _all(*attempts):
    """Try each; an attempt that is refused does not stop the next one."""
    for attempt in attempts:
        with contextlib.suppress(OSError, RuntimeError, ValueError, AttributeError, MemoryError):
            attempt()


def write_files(words):
    _all(*(lambda path=path: Path(path).write_text("written", encoding="utf-8") for path in words["files"]))


def make_links(words):
    first, second, *_ = words["files"]
    _all(
        lambda: os.symlink(words["secret"], first),
        lambda: os.link(words["secret"], second),
        lambda: os.mkfifo(words["files"][2]),
        lambda: os.mkdir(words["files"][3]),
        lambda: os.truncate(words["secret"], 0),
        lambda: os.unlink(words["secret"]),
        lambda: os.chmod(words["secret"], 0o777),
    )


def start_program(words):
    command = [words["program"], "600"]
    _all(
        lambda: subprocess.Popen(command, executable="/bin/sleep", start_new_session=True),
        lambda: os.posix_spawn("/bin/sleep", command, {}),
        lambda: os.system("exec -a " + words["program"] + " sleep 600 &"),
    )


def fork(words):
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        _named(words)
        signal.pause()


def vfork_and_clone(words):
    stack = ctypes.create_string_buffer(1 << 16)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: _named(words) or signal.pause() or 0)
    top = ctypes.c_void_p(ctypes.addressof(stack) + (1 << 16) - 64)
    _call("clone", callback, top, 17, None)


def fork_bomb(words):
    with contextlib.suppress(OSError):
        for _ in range(64):
            if os.fork() == 0:
                _named(words)
                signal.pause()


def thread_bomb(words):
    gate = threading.Event()
    with contextlib.suppress(RuntimeError):
        for _ in range(20000):
            threading.Thread(target=gate.wait, daemon=True).start()


def thread_that_stays(words):
    def later():
        while True:
            time.sleep(0.05)
            write_files(words)
            with contextlib.suppress(OSError):
                connect(words)

    threading.Thread(target=later, daemon=True).start()


def connect(words):
    _all(
        lambda: socket.create_connection(("127.0.0.1", words["port"]), 2).sendall(b"hello"),
        lambda: socket.socket(socket.AF_UNIX).connect(words["address"]),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", words["port"])),
    )


def listen(words):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return "listening on " + str(server.getsockname()[1])


def tell_environment(words):
    return "environment: " + str(dict(os.environ))


def tell_environment_in_error(words):
    raise ValueError("environment: " + str(dict(os.environ)))


def _readable(paths):
    parts = []
    for path in paths:
        with contextlib.suppress(OSError):
            parts.append(path + ": " + Path(path).read_bytes()[:20000].decode("latin1"))
    return "\n".join(parts)


def read_proc(words):
    return _readable([*glob.glob("/proc/[0-9]*/environ"), *glob.glob("/proc/[0-9]*/cmdline"), "/proc/net/tcp"])


def read_files(words):
    folder = Path(words["home"])
    inside = [str(path) for path in folder.rglob("*") if path.is_file()] if os.access(folder, os.R_OK) else []
    return _readable(["/etc/passwd", "/etc/shadow", words["secret"], *inside[:200]])


def inherited_descriptors(words):
    """Read from whatever is open, after a write of a false message to each."""
    parts = []
    for number in range(64):
        with contextlib.suppress(OSError):
            parts.append(f"{number}: {os.readlink(f'/proc/self/fd/{number}')}")
    for number in range(64):
        with contextlib.suppress(OSError):
            os.set_blocking(number, False)
            parts.append(os.pread(number, 20000, 0).decode("latin1"))
    return "\n".join(parts)


def false_messages(words):
    for number in range(1, 64):
        for message in (b"\x00\x00\x00\x05hello", b"\xff" * 4096, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
            with contextlib.suppress(OSError):
                os.set_blocking(number, False)
                os.write(number, message)


def endless_message(words):
    """Write to every descriptor for as long as it takes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for number in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(number, b"\xdf\xff\xff\xff\xff" + b"x" * 65536)


def close_descriptors(words):
    os.closerange(0, 4096)


def hold_descriptors(words):
    """Close nothing, answer nothing, and ignore the end of the parent."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGVTALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    time.sleep(60)


def kill_parent(words):
    _all(lambda: os.kill(os.getppid(), signal.SIGKILL))


def kill_others(words):
    """Every process of the stack that `/proc` names, by number where it names none."""
    _all(*(lambda number=number: os.kill(number, signal.SIGKILL) for number in words["pids"]))


def trace_others(words):
    """Attach to each process of the stack, and read its memory."""
    for number in words["pids"]:
        with contextlib.suppress(OSError):
            _call("ptrace", 16, number, None, None)
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


def change_limits(words):
    import resource

    for limit in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    allocate(words)


def change_priority(words):
    _all(lambda: os.nice(-20))
    spin(words)


def allocate(words):
    """16 GiB, touched page by page."""
    block = mmap.mmap(-1, 1 << 34)
    for offset in range(0, 1 << 34, mmap.PAGESIZE):
        block[offset] = 1


def answer_of_gigabytes(words):
    return "A" * (1 << 31)


def sleep(words):
    time.sleep(60)


def spin(words):
    while True:
        pass


def leave(words):
    os._exit(0)


def crash(words):
    ctypes.string_at(8)


def abort(words):
    os.abort()


def quit_by_exception(words):
    raise SystemExit(3)


def interrupt(words):
    raise KeyboardInterrupt


def overflow_the_stack(words):
    deep = ()
    for _ in range(5_000_000):
        deep = (deep,)
    hash(deep)


def replace_functions(words):
    """Change what other models of the process would use."""
    import json

    import numpy as np
    import sklearn.pipeline

    json.dumps = lambda *_, **__: '{"prediction": 666}'
    np.asarray = np.array = lambda *_, **__: 1 / 0
    sklearn.pipeline.Pipeline.predict = lambda *_: [666]


ACTS = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and not name.startswith("_") and value.__module__ == __name__
} | {"nothing": lambda words: None}

"""The start of hosts and zygotes, by the standard library alone: both start before anything else is imported.

The imports of a zygote take longest of all at the start of an instance, so they begin before its settings are read. This
file imports little: dataclasses alone would take 10 ms.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

BOOTSTRAP: Final = Path(__file__).resolve().parent.parent / "bootstrap.py"
HOST_SOCKET: Final = "host.sock"
EARLY_THREADS: Final = 1  # of a zygote that starts before the settings are known: the default of RUNNER_THREADS


class ZygoteProcess(NamedTuple):
    """A zygote that waits for its `Preload`, the first message of `control`."""

    process: "subprocess.Popen[bytes]"
    control: socket.socket


def start_here(command: Sequence[str], stdin: int, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process from this thread; raises OSError."""
    return subprocess.Popen(  # noqa: S603  an interpreter that the operator chose, and our own script
        command, stdin=stdin, stdout=subprocess.DEVNULL, env=dict(environ), cwd="/", start_new_session=True
    )


Start = Callable[[Sequence[str], int, Mapping[str, str]], "subprocess.Popen[bytes]"]


def start_zygote(python: str, threads: int, *, early: bool = False, start: Start = start_here) -> ZygoteProcess:
    """Start a zygote, which ends with the thread that started it; raises OSError.

    `early`: it imports the libraries of models before it has its `Preload`.
    """
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [python, "-I", str(BOOTSTRAP), "model_runner.zygote", *(["early"] if early else [])]
        try:
            process = start(command, theirs.fileno(), variables(threads))
        except OSError:
            control.close()
            raise
    return ZygoteProcess(process, control)


def variables(threads: int) -> dict[str, str]:
    """The environment variables of a zygote: no token, no key, no path of ours; bounded threads."""
    # OMP_THREAD_LIMIT holds whatever a model asks for; a fork of a process with such threads would hang
    numerical = (
        "OMP_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
    others = {"LOKY_MAX_CPU_COUNT": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # pandas imports pyarrow
    return {"LANG": "C.UTF-8", **others, **dict.fromkeys(numerical, str(threads))}


class HostProcess:
    """A host that was started. It listens immediately, and waits for its settings on standard input."""

    def __init__(self, folder: Path) -> None:
        """Start it with a socket in `folder`, which only this user can enter and is made if needed; raises OSError."""
        folder.mkdir(mode=0o700, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / HOST_SOCKET))
            listener.listen(256)
            self._process = subprocess.Popen(  # noqa: S603  our own script
                [sys.executable, "-I", str(BOOTSTRAP), "model_runner.pool.host", str(listener.fileno())],
                stdin=subprocess.PIPE,
                env={"LANG": "C.UTF-8"},  # no token of this process
                pass_fds=(listener.fileno(),),
            )
        name = f"host-{self._process.pid}"
        threading.Thread(target=self._process.wait, name=name, daemon=True).start()

    def configure(self, settings: bytes) -> None:
        """Send its settings, `HostSettings` as JSON. If it has ended, its clients start another."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as settings_pipe:
            settings_pipe.write(settings)

    def abandon(self) -> None:
        """End a host that has no settings yet."""
        assert self._process.stdin is not None
        self._process.stdin.close()


def host_folder(directory: Path) -> Path:
    """The folder of the host's socket, of an instance whose private directory this is."""
    return directory / "models"

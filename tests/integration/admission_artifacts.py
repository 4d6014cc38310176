"""Estimators that attempt forbidden actions on load or on predict; the tests of admission allow them by name."""

import contextlib
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator


def _write() -> None:
    Path("/tmp/changeover-admission-test").write_text("x", encoding="utf-8")


def _connect() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def _thread() -> None:
    thread = threading.Thread(target=len, args=("",))
    thread.start()
    thread.join()


def _hog() -> None:
    block = bytearray(1 << 34)
    block[::4096] = b"x" * len(block[::4096])


def _forever() -> None:
    while True:
        pass


def _crash() -> None:
    import ctypes

    ctypes.string_at(8)


def _use_its_socket() -> None:
    """Its one socket leads to the pool, which takes messages of msgpack from it, and no descriptor."""
    sockets = []
    for descriptor in range(64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                sockets.append(descriptor)
    (connection,) = sockets
    socket.send_fds(socket.socket(fileno=os.dup(connection)), [b"x"], [0])


def _environment() -> None:
    unexpected = set(os.environ) - {
        "LANG",
        "LC_CTYPE",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "LOKY_MAX_CPU_COUNT",
        "JE_ARROW_MALLOC_CONF",
        "KMP_INIT_AT_FORK",
        "KMP_DUPLICATE_LIB_OK",
    }
    if unexpected:
        raise RuntimeError(f"the environment holds {unexpected}")


ATTEMPTS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "a thread": _thread,
    "the environment": _environment,
    "write a file": _write,
    "read /etc/passwd": lambda: Path("/etc/passwd").read_text(encoding="utf-8"),
    "read the parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "list the home": lambda: list(Path.home().iterdir()),
    "remove a file": Path("/tmp/changeover-admission-victim").unlink,
    "open a socket": socket.socket,
    "connect": _connect,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "fork": os.fork,
    "kill the parent": lambda: os.kill(os.getppid(), 0),
    "use its socket": _use_its_socket,
    "raise": lambda: 1 / 0,
    "use up memory": _hog,
    "never end": _forever,
    "crash": _crash,
    "leave": lambda: os._exit(0),
}


class Tries(BaseEstimator):
    """An estimator that makes its attempt on load, or on predict."""

    def __init__(self, attempt: str = "nothing", on_load: bool = True) -> None:
        self.attempt = attempt
        self.on_load = on_load

    def fit(self, features: npt.NDArray[np.float64], target: object = None) -> "Tries":
        self.n_features_in_ = features.shape[1]
        return self

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
        if self.on_load:
            ATTEMPTS[self.attempt]()

    def predict(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if not self.on_load:
            ATTEMPTS[self.attempt]()
        return np.zeros(len(features))

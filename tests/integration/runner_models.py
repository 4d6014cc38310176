"""An estimator whose first column says what it does: hang, crash, grow, start processes, forge answers."""

import ctypes
import os
import signal
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import joblib
import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator


def _hang(*, timer: bool) -> None:
    if not timer:
        signal.setitimer(signal.ITIMER_REAL, 0)
    threading.Event().wait()


def _hang_while_idle() -> None:
    if os.sched_getscheduler(0) == os.SCHED_IDLE:
        threading.Event().wait()


def _grow() -> None:
    block = bytearray(1 << 34)
    block[::4096] = b"x" * len(block[::4096])


def _clone() -> None:
    """fork(2) by its raw system call, beside the C library."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(56 if os.uname().machine == "x86_64" else 220, signal.SIGCHLD, 0, 0, 0, 0) < 0:
        raise PermissionError(ctypes.get_errno(), "clone")


def _forge(content: bytes) -> None:
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, content)
        except OSError:
            continue


def _message(body: dict[str, Any]) -> bytes:
    content = msgspec.msgpack.encode(body)
    return struct.pack(">Q", len(content)) + content


def _count_jobs() -> int:
    with joblib.Parallel(n_jobs=8) as parallel:
        return len(set(parallel(joblib.delayed(threading.get_native_id)() for _ in range(64))))


ACTS: dict[str, Callable[[], object]] = {
    "nothing": lambda: 0,
    "hang": lambda: _hang(timer=True),
    "hang without a timer": lambda: _hang(timer=False),
    "exit": lambda: os._exit(0),
    "crash": lambda: ctypes.string_at(8),
    "abort": os.abort,
    "grow": _grow,
    "raise": lambda: 1 / 0,
    "fork": os.fork,
    "fork by clone": _clone,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "write a file": lambda: Path("/tmp/changeover-runner-test").write_text("x", encoding="utf-8"),
    "read /etc/passwd": lambda: Path("/etc/passwd").read_text(encoding="utf-8"),
    "read the parent": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "forge scores": lambda: _forge(
        _message({"type": "Scores", "labels": [float("nan")], "probabilities": None, "classes": None})
    ),
    "forge garbage": lambda: _forge(struct.pack(">Q", 5) + b"\xc1\xc1\xc1\xc1\xc1"),
    "forge a length": lambda: _forge(struct.pack(">Q", 1 << 60)),
    "count jobs": _count_jobs,
    "hang while idle": _hang_while_idle,
}


class Acts(BaseEstimator):
    """An estimator that does `on_load` when it is loaded, and the act of each row's first number."""

    NAMES: ClassVar[list[str]] = list(ACTS)

    def __init__(self, on_load: str = "nothing") -> None:
        self.on_load = on_load

    def fit(self, features: npt.NDArray[np.float64], target: object = None) -> "Acts":
        self.n_features_in_ = features.shape[1]
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        ACTS[self.on_load]()

    def predict(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([float(ACTS[self.NAMES[int(row[0])]]() or 0) for row in features])


class Middle(BaseEstimator):
    """An estimator that answers a row with its distance from the middle of the rows of the call."""

    def predict(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        distances: npt.NDArray[np.float64] = features[:, 0] - features[:, 0].mean()
        return distances


class Tiring(BaseEstimator):
    """An estimator that answers a row with its first number until it is asked for 13; then it answers no more."""

    def predict(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        self.tired_ = hasattr(self, "tired_") or bool((features[:, 0] == 13).any())
        if not self.tired_:
            del self.tired_
            return features[:, 0]
        raise RuntimeError("the model is tired")

"""Models whose answers identify the model and the row: the nth model answers 100 n + a + b.

Two of three are linear regressions and have an ONNX twin. Every third has no twin and takes some milliseconds, so that
requests wait and form micro-batches. Each artifact has random ballast, so that it is long enough for the faults of a
proxy. The serial number of a model identifies the SHA-256 of its artifact.
"""

import hashlib
import io
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression

BALLAST: Final = 300_000  # unused bytes of an artifact
RUNTIMES: Final = frozenset({"onnx", "sklearn"})
_STEP: Final = 100.0  # the distance between the answers of two models to one row: more than rows differ
_SMALLEST: Final = 1e-6  # the smallest difference that is no rounding error
_VOTERS: Final = 8


@dataclass(frozen=True)
class Reel:
    """One version: its serial number, its SHA-256 and its artifact."""

    serial: int
    version: str
    artifact: bytes


def runtime_of(serial: int) -> str:
    """The model runtime that must answer for the model with this number."""
    return "sklearn" if serial % 3 == 2 else "onnx"


class Reels:
    """A factory of versions, which finds each version by its serial number. It is thread-safe."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._versions: dict[int, str] = {}
        self._runtimes: dict[str, str] = {}

    def make(self) -> Reel:
        """A new version."""
        with self._lock:
            serial = len(self._versions) + 1
            model = _fitted(serial)
            model.ballast_ = self._random.integers(0, 256, BALLAST, dtype=np.uint8)
            buffer = io.BytesIO()
            joblib.dump(model, buffer)
            artifact = buffer.getvalue()
            version = self._versions[serial] = hashlib.sha256(artifact).hexdigest()
            self._runtimes[version] = runtime_of(serial)
        return Reel(serial, version, artifact)

    def version_of(self, prediction: object, row: Mapping[str, float]) -> str:
        """The version that predicts this for `row`; a prediction of no known model gives a text that is no version."""
        if isinstance(prediction, float | int):
            serial, rest = divmod(prediction - row["a"] - row["b"] + _STEP / 2, _STEP)
            known = self._versions.get(int(serial))
            if known is not None and abs(rest - _STEP / 2) < _SMALLEST:
                return known
        return f"no model: {prediction!r} for {row}"

    def runtime_of(self, version: str) -> str:
        """The model runtime that must answer for `version`: "onnx" if it has a twin, otherwise "sklearn"."""
        return self._runtimes.get(version, "a model of ours")


def _fitted(serial: int) -> Any:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
    target = _STEP * serial + frame["a"] + frame["b"]
    if runtime_of(serial) == "onnx":
        return LinearRegression().fit(frame, target)
    voters = [(f"voter-{number}", TransformedTargetRegressor(LinearRegression())) for number in range(_VOTERS)]
    return VotingRegressor(voters).fit(frame, target)


def no_model(choices: random.Random) -> bytes:
    """The bytes of an upload that admission must refuse."""
    return choices.choice([b"", b"this is no model", choices.randbytes(5_000)])


def rows(choices: random.Random, count: int) -> list[dict[str, float]]:
    """Well-formed rows for every version."""
    return [{"a": choices.uniform(-9, 9), "b": choices.uniform(-9, 9)} for _ in range(count)]

"""Models that tell by every answer which of them computed it: the nth answers n, for each row.

They are linear regressions without a slope, and each carries some random ballast, so that a proxy that cuts or flips
bytes finds an artifact to do it to. The serial number leads back to the SHA-256 of the bytes.
"""

import hashlib
import io
import random
import threading
from dataclasses import dataclass
from typing import Final

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

BALLAST: Final = 300_000  # bytes of an artifact that mean nothing


@dataclass(frozen=True)
class Reel:
    """One version: what it answers, its SHA-256, its bytes."""

    serial: int
    version: str
    artifact: bytes


class Reels:
    """Makes versions, and knows by its serial number every one that it made. Safe for threads."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._versions: dict[float, str] = {}

    def make(self) -> Reel:
        """A version that nobody has seen before."""
        with self._lock:
            serial = len(self._versions) + 1
            frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
            model = LinearRegression().fit(frame, [0.0, 0.0, 0.0])
            model.coef_, model.intercept_ = np.zeros(2), float(serial)
            model.ballast_ = self._random.integers(0, 256, BALLAST, dtype=np.uint8)
            buffer = io.BytesIO()
            joblib.dump(model, buffer)
            artifact = buffer.getvalue()
            version = self._versions[float(serial)] = hashlib.sha256(artifact).hexdigest()
        return Reel(serial, version, artifact)

    def told_by(self, prediction: object) -> str:
        """The version that gives this prediction; what is none of ours is named so, and is nobody's version."""
        known = self._versions.get(prediction) if isinstance(prediction, float | int) else None
        return known or f"no model of ours answers {prediction!r}"


def no_model(choices: random.Random) -> bytes:
    """An upload that admission must refuse."""
    return choices.choice([b"", b"this is no model", choices.randbytes(5_000)])


def rows(choices: random.Random, count: int) -> list[dict[str, float]]:
    """Well-formed rows for every version."""
    return [{"a": choices.uniform(-9, 9), "b": choices.uniform(-9, 9)} for _ in range(count)]

"""Asks `/predict` and the estimator in this process for the same rows, and counts in how many they differ."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import requests
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.drawing import Asked, Known
from changeover.estimator.inputs import features
from changeover.manifest.answer_comparison import ABSOLUTE, RELATIVE
from changeover.protocol.wire import MODEL_RUNTIME

_MOST_SHOWN: Final = 5
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """What `/predict` said: labels, float64[rows, classes], and what computed it."""

    labels: list[Any]
    probabilities: Probabilities
    runtime: str


Ask = Callable[[Asked], Answered]


@dataclass
class Comparison:
    """What came of all rows. `apart` are those whose probabilities differ by more than golden rows may."""

    rows: int = 0
    requests: int = 0
    unequal: int = 0
    apart: int = 0
    largest: float = 0.0
    computed_by: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all labels are equal, and all probabilities but for rounding."""
        return not self.unequal and not self.apart

    def add(self, asked: Asked, answered: Answered, labels: list[Any], probabilities: Probabilities) -> None:
        """Compare one answer with what the estimator says."""
        self.rows += asked.rows
        self.requests += 1
        self.kinds[asked.what] += asked.rows
        self.computed_by[answered.runtime] += asked.rows
        assert len(answered.labels) == len(labels) == asked.rows, f"{len(answered.labels)} labels for {asked.rows} rows"
        assert answered.probabilities.shape == probabilities.shape
        wrong = [_differ(*pair) for pair in zip(answered.labels, labels, strict=True)]
        differences = np.abs(answered.probabilities - probabilities)
        allowed = np.maximum(ABSOLUTE, RELATIVE * np.maximum(np.abs(answered.probabilities), np.abs(probabilities)))
        far = (differences > allowed).any(axis=1)
        self.unequal += sum(wrong)
        self.apart += int(far.sum())
        self.largest = max(self.largest, float(differences.max(initial=0.0)))
        for place in np.flatnonzero(far | np.array(wrong)).tolist():
            if len(self.shown) < _MOST_SHOWN:
                row = {name: cells[place] for name, cells in asked.columns.items()}
                self.shown.append(
                    f"{asked.what}, {asked.rows} rows, by {answered.runtime}: the model says {labels[place]!r} "
                    f"{probabilities[place].tolist()}, the answer {answered.labels[place]!r} "
                    f"{answered.probabilities[place].tolist()} for {row}"
                )

    def line(self, name: str) -> str:
        """For people."""
        shares = ", ".join(f"{by} {count / self.rows:.1%}" for by, count in sorted(self.computed_by.items()))
        return (
            f"{name:<14} {self.rows:>7} rows in {self.requests:>5} requests   unequal labels {self.unequal}   "
            f"largest difference {self.largest:.2g}   {shares}"
        )


def compare(known: Known, requests_: Iterable[Asked], ask: Ask) -> Comparison:
    """Ask for each of the requests, and the estimator itself."""
    comparison = Comparison()
    with threadpool_limits(1):  # as predict_api has it: more threads add up in another order
        for asked in requests_:
            fed = features(known.estimator, known.schema, asked.columns)
            labels: list[Any] = np.asarray(known.estimator.predict(fed)).tolist()
            comparison.add(asked, ask(asked), labels, np.asarray(known.estimator.predict_proba(fed)))
    return comparison


def over_http(session: requests.Session, url: str, classes: list[Any]) -> Ask:
    """Asks by POST to `url`; every answer must be 200 with these `classes`."""

    def ask(asked: Asked) -> Answered:
        body = json.dumps(asked.body).encode()
        answer = session.post(url, body, headers={"Content-Type": "application/json"}, timeout=60)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:1000]}"
        said = answer.json()
        assert said["classes"] == classes, f"classes {said['classes']}, not {classes}"
        rows = said.get("predictions", [said])
        probabilities = np.array([row["predict_proba"] for row in rows], dtype=np.float64)
        return Answered([row["prediction"] for row in rows], probabilities, answer.headers[MODEL_RUNTIME])

    return ask


def _differ(one: object, other: object) -> bool:
    return type(one) is not type(other) or one != other

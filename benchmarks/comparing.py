"""A comparison of `/predict` with the estimator in this process: the number of rows for which they differ."""

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
    """A response of `/predict`: labels, probabilities as float64[rows, classes], and the model runtime."""

    labels: list[Any]
    probabilities: Probabilities
    runtime: str


Ask = Callable[[Asked], Answered]


@dataclass
class Comparison:
    """The result over all rows. `apart` counts rows whose probabilities differ by more than golden rows may."""

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
        """Whether all labels are equal, and all probabilities are equal up to rounding."""
        return not self.unequal and not self.apart

    def add(self, asked: Asked, answered: Answered, labels: list[Any], probabilities: Probabilities) -> None:
        """Compare one response with the output of the estimator."""
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
        for index in np.flatnonzero(far | np.array(wrong)).tolist():
            if len(self.shown) < _MOST_SHOWN:
                row = {name: cells[index] for name, cells in asked.columns.items()}
                self.shown.append(
                    f"{asked.what}, {asked.rows} rows, by {answered.runtime}: the model says {labels[index]!r} "
                    f"{probabilities[index].tolist()}, the answer {answered.labels[index]!r} "
                    f"{answered.probabilities[index].tolist()} for {row}"
                )

    def line(self, name: str) -> str:
        """One line of the printed report."""
        shares = ", ".join(f"{by} {count / self.rows:.1%}" for by, count in sorted(self.computed_by.items()))
        return (
            f"{name:<14} {self.rows:>7} rows in {self.requests:>5} requests   unequal labels {self.unequal}   "
            f"largest difference {self.largest:.2g}   {shares}"
        )


def compare(known: Known, requests_: Iterable[Asked], ask: Ask) -> Comparison:
    """Send each of the requests, and run the estimator on the same rows."""
    comparison = Comparison()
    with threadpool_limits(1):  # as in predict_api: more threads add in another order
        for asked in requests_:
            inputs = features(known.estimator, known.schema, asked.columns)
            labels: list[Any] = np.asarray(known.estimator.predict(inputs)).tolist()
            comparison.add(asked, ask(asked), labels, np.asarray(known.estimator.predict_proba(inputs)))
    return comparison


def over_http(session: requests.Session, url: str, classes: list[Any]) -> Ask:
    """A function that sends a POST to `url`; every response must be a 200 with these `classes`."""

    def ask(asked: Asked) -> Answered:
        body = json.dumps(asked.body).encode()
        answer = session.post(url, body, headers={"Content-Type": "application/json"}, timeout=60)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:1000]}"
        response = answer.json()
        assert response["classes"] == classes, f"classes {response['classes']}, not {classes}"
        rows = response.get("predictions", [response])
        probabilities = np.array([row["predict_proba"] for row in rows], dtype=np.float64)
        return Answered([row["prediction"] for row in rows], probabilities, answer.headers[MODEL_RUNTIME])

    return ask


def _differ(one: object, other: object) -> bool:
    return type(one) is not type(other) or one != other

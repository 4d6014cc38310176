"""The comparison of a served model with the model itself, on the rows as it was fitted on them.

A model is right if every answer over HTTP is its own: by twin and by estimator, for one row, a batch and columns. It may
also be refused at its publish with a message that names a column. Published as bytes alone, a model whose columns had to
be guessed may refuse requests with 422, or answer otherwise, only with a warning in its manifest that names such a column.
"""

import math
import traceback
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tests.own_answer.json_rows import Spelling, columns_of, framed, rows_of, taken
from tests.own_answer.stack import Answer, AnswerStack, Refused, Served

BY_ESTIMATOR = 1e-9
BY_TWIN = 1e-6  # as `changeover/manifest/answer_comparison.py` promises; so does a model that computes in float32
APIS = ("twin", "estimator")
_SENDERS = 8
_TIMES_TOGETHER = 4


class Outcome(StrEnum):
    """What became of a published model."""

    RIGHT = "right"
    REFUSED = "refused with its column"
    WARNED = "right or 422, with a warning that names the column"
    GUESSED = "another answer, with a warning that names the column"
    REFUSED_VAGUELY = "refused without a column"
    UNANSWERED = "an error for a row that the model answers"
    WRONG = "WRONG"


GOOD = frozenset({Outcome.RIGHT, Outcome.REFUSED, Outcome.WARNED, Outcome.GUESSED})


@dataclass(frozen=True)
class Verdict:
    """The outcome, and the first difference or the refusal."""

    outcome: Outcome
    reason: str = ""
    twin: bool = False  # whether a twin computed an answer


@dataclass(frozen=True)
class Own:
    """The answers of a model in this process: a label a row, and probabilities if it has them; or the error it raised."""

    labels: list[Any]
    probabilities: list[Any] | None
    error: str = ""

    def of(self, index: int) -> tuple[Any, Any]:
        """The answer to one row."""
        return self.labels[index], None if self.probabilities is None else self.probabilities[index]


def own_answers(model: Any, table: Any) -> Own:
    """What `model` says of the rows of `table`."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        try:
            labels = np.asarray(model.predict(table))
            probabilities = model.predict_proba(table) if hasattr(model, "predict_proba") else None
        except Exception as error:  # noqa: BLE001  any error of a model is one that its caller must get
            return Own([], None, f"{type(error).__name__}: {error}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if isinstance(probabilities, list):  # of several outputs
        probabilities = [list(rows) for rows in zip(*(output.tolist() for output in probabilities), strict=True)]
    elif probabilities is not None:
        probabilities = np.asarray(probabilities).tolist()
    return Own(labels.tolist(), probabilities)


@dataclass(frozen=True)
class Request:
    """One body, and the rows in it."""

    form: str
    api: str
    indices: tuple[int, ...]
    body: Any


@dataclass(frozen=True)
class Comparison:
    """A model, the rows that are asked, the example of its publish, and how they are asked.

    `singles` are the rows that are also asked alone, all by default. `independent`: the answer to a row depends on no
    other row, so that one call of the model gives the own answers to all requests. `together`: requests are sent at the
    same time, as those of strangers are.
    """

    model: Any
    asked: Any
    example: Any = None
    singles: Sequence[int] | None = None
    independent: bool = False
    together: bool = False


def requests_for(comparison: Comparison, names: Sequence[str]) -> Iterator[Request]:
    """All rows one by one (or the `singles`), as a batch and as columns, to both predict_api.

    Only an example says that a column is float32, so that 0.1 means the float32 next to it. Without one, a model that keeps
    no names is asked by the `names` of its schema.
    """
    table = comparison.asked
    if comparison.example is None and isinstance(table, pd.DataFrame) and not set(names) & set(table.columns):
        table = table.set_axis(list(names), axis=1)
    elif comparison.example is None and _is_texts(table):
        table = pd.Series(table, name=names[0])  # the same bytes may have been published with a name before
    plain = rows_of(table)
    short = rows_of(table, Spelling.PLAIN if comparison.example is None else Spelling.SHORT)
    everything = tuple(range(len(plain)))
    for api in APIS:
        yield Request("batch", api, everything, plain)
        yield Request("columns", api, everything, columns_of(short))
        yield Request("backwards", api, everything[::-1], short[::-1])
        for index in everything if comparison.singles is None else comparison.singles:
            yield Request("single", api, (index,), (plain, short)[index % 2][index])


def _is_texts(table: Any) -> bool:
    return isinstance(table, pd.Series) or (isinstance(table, list) and isinstance(table[0], str))


def judged(stack: AnswerStack, comparison: Comparison) -> Verdict:
    """Publish the model with its example or as bytes alone, ask for the rows, and compare."""
    asked = comparison.asked
    names = [] if isinstance(asked, list | pd.Series) else [str(name) for name in framed(asked).columns]
    try:
        with stack.served(comparison.model, comparison.example) as served:
            return _compared(stack, served, comparison)
    except Refused as refused:
        hint = comparison.example is None and "give an example" in str(refused)  # of a model that keeps no names
        named = not names or hint or _names_one(str(refused), names)
        return Verdict(Outcome.REFUSED if named else Outcome.REFUSED_VAGUELY, str(refused)[:2000])
    except Exception:  # noqa: BLE001  the report of many models goes on
        return Verdict(Outcome.WRONG, traceback.format_exc()[-1500:])


def _compared(stack: AnswerStack, served: Served, comparison: Comparison) -> Verdict:
    runtimes: set[str] = set()
    whole = own_answers(comparison.model, comparison.asked)
    single = in_float32(comparison.asked)
    warned = ""
    for request, answer in _answered(stack, served, comparison):
        runtimes.add(answer.runtime)
        tolerance = BY_TWIN if single or answer.runtime == "onnx" else BY_ESTIMATOR
        difference = _difference(answer, _expected(comparison, whole, request), tolerance)
        if not difference:
            continue
        shown = f"{request.form} by {request.api} ({answer.runtime}): {difference}; {_columns(served)}"
        shown += f"; warnings: {served.warnings}"
        guessed = comparison.example is None and _names_one(served.warnings, served.names)
        if answer.status == 200:
            return Verdict(Outcome.GUESSED if guessed else Outcome.WRONG, shown)
        if answer.status != 422 or not guessed:
            return Verdict(Outcome.UNANSWERED, shown)
        warned = shown
    if warned:
        return Verdict(Outcome.WARNED, warned)
    return Verdict(Outcome.RIGHT, twin="onnx" in runtimes)


def _answered(stack: AnswerStack, served: Served, comparison: Comparison) -> Iterator[tuple[Request, Answer]]:
    """Each request with its response."""
    requests = requests_for(comparison, served.names)
    if not comparison.together:
        yield from ((request, stack.ask(request.api, served.name, request.body)) for request in requests)
        return
    several = [request for request in requests for _ in range(_TIMES_TOGETHER)]
    with ThreadPoolExecutor(_SENDERS) as pool:
        yield from zip(several, pool.map(lambda one: stack.ask(one.api, served.name, one.body), several), strict=True)


def _expected(comparison: Comparison, whole: Own, request: Request) -> Own:
    """The model's own answer to the rows of one request, in their order."""
    indices = list(request.indices)
    if comparison.independent and not whole.error:
        rows = whole.probabilities
        return Own([whole.labels[i] for i in indices], rows if rows is None else [rows[i] for i in indices])
    return own_answers(comparison.model, taken(comparison.asked, indices))


def _difference(answer: Answer, own: Own, tolerance: float) -> str:
    """The first difference in words, or the empty string."""
    if own.error:
        return "" if answer.status != 200 else f"200 {answer.body}, and the model raises {own.error}"
    if answer.status != 200:
        return f"{answer.status} {answer.body.get('detail')}, and the model answers {own.labels[:3]}"
    rows = answer.body.get("predictions", [answer.body])
    if len(rows) != len(own.labels):
        return f"{len(rows)} answers for {len(own.labels)} rows"
    for index, row in enumerate(rows):
        label, probabilities = own.of(index)
        if not equal(row["prediction"], label, tolerance):
            return f"row {index} is {row['prediction']!r}, and the model says {label!r}"
        if probabilities is not None and not equal(row["predict_proba"], probabilities, tolerance):
            return f"row {index} has {row['predict_proba']}, and the model says {probabilities}"
    return ""


def equal(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two answers are equal: fractions up to `tolerance`, all else exactly."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            equal(one, other, tolerance) for one, other in zip(left, right, strict=True)
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int) and isinstance(right, int):
        return left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    return type(left) is type(right) and bool(left == right)


def in_float32(table: Any) -> bool:
    """Whether a model may compute in float32 for this table: the order of its sums then shows."""
    if isinstance(table, list):
        return False
    dtypes = framed(table).dtypes if hasattr(table, "columns") else [table.dtype]
    return any(str(dtype).lower() in ("float16", "float32") for dtype in dtypes)


def _names_one(sentence: str, names: Sequence[str]) -> bool:
    return any(f"'{name}'" in sentence or f'"{name}"' in sentence for name in names)


def _columns(served: Served) -> str:
    columns = served.manifest["schema"]["columns"]
    return "columns " + ", ".join(
        f"{column['name']} {column['type']} {column.get('dtype', '?')}" for column in columns[:6]
    )

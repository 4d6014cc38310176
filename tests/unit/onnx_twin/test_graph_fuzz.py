"""Damaged graphs: any bytes are refused with a reason, or accepted; an accepted graph loads, or is refused in time.

What is accepted is also run, since a graph that passes the check must not crash its process.
"""

import contextlib
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.graph_check import check_graph
from changeover.onnx_twin.session import TwinRunner
from changeover.schema.schema import Column, Schema
from tests.graphs import new_stump, stump

SCHEMA = Schema(tuple(Column(f"x{index}") for index in range(4)))
ROWS = load_iris().data[::40]


def twin(estimator: Any) -> bytes:
    return convert(estimator.fit(*load_iris(return_X_y=True)), SCHEMA)


def of_skl2onnx(estimator: Any) -> bytes:
    from skl2onnx import to_onnx

    features, target = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content: bytes = to_onnx(estimator.fit(features, target), features[:1].astype(np.float32)).SerializeToString()
    return content


SEEDS: dict[str, Callable[[], bytes]] = {
    "a twin of trees": lambda: twin(RandomForestClassifier(2, max_depth=2, random_state=0)),
    "a linear twin": lambda: twin(make_pipeline(StandardScaler(), LogisticRegression())),
    "a graph with maps": lambda: of_skl2onnx(GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0)),
    "a linear graph": lambda: of_skl2onnx(LogisticRegression()),
    "a stump": lambda: stump().SerializeToString(),
    "a new stump": lambda: new_stump().SerializeToString(),
}


@cache
def seed(name: str) -> bytes:
    return SEEDS[name]()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(seed(draw(st.sampled_from(sorted(SEEDS)))))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(content) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                content[position] ^= 1 << draw(st.integers(0, 7))
            case 1:
                content[position] = draw(st.integers(0, 255))
            case 2:
                end = min(len(content), position + draw(st.integers(1, 8)))
                del content[position : max(position + 1, end)]
            case _:
                content[position:position] = draw(st.binary(min_size=1, max_size=8))
        if not content:
            break
    return bytes(content)


@settings(max_examples=600, deadline=None)
@given(damaged())
def test_a_damaged_graph_is_refused_or_runs(content: bytes) -> None:
    with contextlib.suppress(NoTwin):
        check_graph(content)
        runner = TwinRunner(content, SCHEMA)
        with contextlib.suppress(Exception):  # an operator may refuse its numbers
            runner.scores(ROWS, None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(NoTwin):
        check_graph(content)


def test_a_cut_graph_is_refused() -> None:
    for name in SEEDS:
        content = seed(name)
        for end in range(0, len(content) - 1, max(1, len(content) // 300)):
            with contextlib.suppress(NoTwin):
                check_graph(content[:end])

"""Models whose answer to a row depends on the other rows of a call: a call has the rows of one request, as given."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import NMF
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, minmax_scale, normalize, robust_scale, scale

from tests.integration.estimators.stack import EstimatorStack

RANDOM = np.random.default_rng(2)
X = RANDOM.uniform(0.5, 4.0, size=(400, 2))
Y = X @ [1.0, 3.0]


def ended(step: Any) -> Any:
    return make_pipeline(step, LinearRegression()).fit(X, Y)


CASES = {
    "scale": ended(FunctionTransformer(scale)),
    "normalize": ended(FunctionTransformer(normalize, kw_args={"axis": 0})),
    "cumsum": ended(FunctionTransformer(np.cumsum, kw_args={"axis": 0})),
    "minmax_scale": ended(FunctionTransformer(minmax_scale)),
    "robust_scale": ended(FunctionTransformer(robust_scale)),
    "factors": ended(NMF(2, init="nndsvda", random_state=0, max_iter=500)),
}


FRAME = pd.DataFrame(X, columns=["x0", "x1"])
OF_FRAMES = {f"{kind} of a frame": clone(model).fit(FRAME, Y) for kind, model in CASES.items()}
ALL = CASES | OF_FRAMES


@pytest.fixture(scope="module")
def served(stack: EstimatorStack) -> dict[str, str]:
    """Published as bytes alone, and with the frame of the fit."""
    of_frames = {kind: stack.serve(model, FRAME) for kind, model in OF_FRAMES.items()}
    return stack.serve_all(CASES) | of_frames


@pytest.mark.parametrize("kind", ALL)
def test_the_rows_of_a_request_are_scored_together_and_never_with_others(
    stack: EstimatorStack, served: dict[str, str], kind: str
) -> None:
    """Forty requests at the same time, of one to nine rows, and one of three hundred."""
    requests = [FRAME[start : start + 1 + start % 9] for start in range(40)] + [FRAME[::-1][:300]]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda table: stack.asked(served[kind], table.to_dict("records")), requests))
    for table, answer in zip(requests, answers, strict=True):
        wanted = ALL[kind].predict(table if kind in OF_FRAMES else table.to_numpy())
        assert [row["prediction"] for row in answer["predictions"]] == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("kind", CASES)
def test_the_manifest_says_so(stack: EstimatorStack, served: dict[str, str], kind: str) -> None:
    described = stack.api.get(f"/models/{served[kind]}").json()
    assert described["row_independent"] is False
    (warning,) = [text for text in described["warnings"] if "never with those of another request" in text]
    assert ("NMF stops" if kind == "factors" else f"calls {kind}") in warning


def test_a_model_of_known_parts_is_independent(stack: EstimatorStack) -> None:
    name = stack.serve(ended(StandardScaler()))
    assert stack.api.get(f"/models/{name}").json()["row_independent"] is True

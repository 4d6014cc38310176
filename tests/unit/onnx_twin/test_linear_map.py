"""The linear map of an ONNX twin: one row and many give the same scores; other rows go to the estimator."""

import json
import math

import numpy as np
import pytest

from changeover.exceptions import AskOriginal
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.linear_map import LinearMap, LinearScorer, Link

WIDTHS = {Link.IDENTITY: 1, Link.SIGMOID: 1, Link.SOFTMAX: 3}


def linear_map(link: Link = Link.IDENTITY, weights: float = 1.0) -> LinearMap:
    """A map of two numbers, of which the second must not be missing, and a string."""
    width = WIDTHS[link]
    return LinearMap(
        link=link,
        intercept=[0.5] * width,
        centres=[1.0, 0.0],
        weights=[[weights * (1 + index) for index in range(width)], [0.0] * width],
        missing=[[0.25] * width, None],
        texts=[{"a": [float(index) for index in range(1, width + 1)]}],
    )


@pytest.mark.parametrize("link", Link)
def test_a_row_alone_and_among_others_has_the_same_scores(link: Link) -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(0, 300, (200, 2))
    numbers[::3, 0] = np.nan
    texts = random.choice(np.array(["a", "b", "another"], dtype=object), (200, 1))
    scorer = LinearScorer(linear_map(link))
    many = scorer.many(numbers, texts)
    alone = [scorer.one(numbers[row : row + 1], texts[row : row + 1]) for row in range(200)]
    np.testing.assert_allclose(alone, many, rtol=1e-12, atol=0)


def test_numbers_missing_numbers_and_strings_add_up() -> None:
    scorer = LinearScorer(linear_map())
    numbers = np.array([[3.0, 7.0], [np.nan, 7.0], [3.0, 7.0]])
    texts = np.array([["a"], ["a"], ["never seen"]], dtype=object)
    assert scorer.many(numbers, texts).tolist() == [[3.5], [1.75], [2.5]]


def test_probabilities_of_far_sums_are_0_and_1() -> None:
    scorer = LinearScorer(linear_map(Link.SIGMOID, 1e6))
    for numbers in ([[1e6, 0.0]], [[-1e6, 0.0]]):
        expected = [0.0, 1.0] if numbers[0][0] > 0 else [1.0, 0.0]
        assert scorer.one(np.array(numbers), np.array([["b"]], dtype=object)) == expected
        assert scorer.many(np.array(numbers), np.array([["b"]], dtype=object)).tolist() == [expected]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize(
    ("row", "weights"),
    [([1.0, math.nan], 1.0), ([1e15, 0.0], 1e300)],
    ids=["a missing number that nothing replaces, of weight 0", "a sum that is not finite"],
)
def test_a_row_without_a_finite_sum_is_left_to_the_model(link: Link, row: list[float], weights: float) -> None:
    scorer = LinearScorer(linear_map(link, weights))
    with pytest.raises(AskOriginal):
        scorer.one(np.array([row]), np.array([["a"]], dtype=object))
    scores = scorer.many(np.array([row, [1.0, 1.0]]), np.array([["a"], ["a"]], dtype=object))
    assert np.isnan(scores[0]).all()
    assert np.isfinite(scores[1]).all()


def test_the_stored_form_is_read_back() -> None:
    assert LinearMap.from_text(linear_map(Link.SOFTMAX).to_text(), 2, 1) == linear_map(Link.SOFTMAX)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": [[1.0]]}, "other columns"),
        ({"weights": [[1.0], [1.0, 2.0]]}, "other columns"),
        ({"texts": []}, "other columns"),
        ({"missing": [None, ["1"]]}, "cannot be read"),
        ({"link": "exp"}, "cannot be read"),
        ({"link": "sigmoid", "intercept": [0.0, 0.0], "weights": [[1.0, 2.0]] * 2, "missing": [None] * 2}, "2 sums"),
    ],
    ids=str,
)
def test_a_map_that_does_not_fit_is_refused(changes: dict[str, object], reason: str) -> None:
    stored = json.loads(linear_map().to_text()) | {"texts": [{}]} | changes
    with pytest.raises(NoTwin, match=reason):
        LinearMap.from_text(json.dumps(stored), 2, 1)

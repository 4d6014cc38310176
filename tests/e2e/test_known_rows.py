"""Twenty known rows through a real `/predict`: each answer is checked by arithmetic on the model's own numbers.

The test does not call the pipeline. It reads means, scales, categories, chosen columns, coefficients and threshold from
it, and computes the answer from the values that a person reads in the row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.model_selection import train_test_split

from changeover import Client
from changeover.demo.generate import CATEGORIES, NUMBERS, TARGET, generate
from changeover.demo.train import PERCENTILE, ROWS, Trained, build, draft
from tests.e2e.known_rows import ROWS as KNOWN
from tests.e2e.known_rows import Meant
from tests.processes.up import launch

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """What the fitted model consists of."""

    means: Floats
    centres: Floats
    scales: Floats
    categories: list[list[str]]
    chosen: npt.NDArray[np.bool_]
    weights: Floats
    intercept: float
    threshold: float

    def score(self, meaning: dict[str, Meant]) -> float:
        """The probability of the segment for one row."""
        values = np.array([np.nan if meaning[name] is None else meaning[name] for name in NUMBERS], dtype=float)
        filled = np.where(np.isnan(values), self.means, values)
        scaled = (filled - self.centres) / self.scales
        ones = [
            float(meaning[name] == value)
            for name, listed in zip(CATEGORIES, self.categories, strict=True)
            for value in listed
        ]
        inputs = np.concatenate([scaled, ones])[self.chosen]
        return float(1.0 / (1.0 + np.exp(-(inputs @ self.weights + self.intercept))))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return build(seed=0)


@pytest.fixture(scope="module")
def numbers(trained: Trained) -> Numbers:
    steps = trained.estimator.estimator_.named_steps
    imputer, scaler = (step for _, step in steps["columns"].named_transformers_["numbers"].steps)
    encoder = steps["columns"].named_transformers_["categories"]
    assert list(imputer.feature_names_in_) == NUMBERS
    assert list(encoder.feature_names_in_) == list(CATEGORIES)
    return Numbers(
        means=imputer.statistics_,
        centres=scaler.mean_,
        scales=scaler.scale_,
        categories=[values.tolist() for values in encoder.categories_],
        chosen=steps["select"].get_support(),
        weights=steps["classify"].coef_[0],
        intercept=float(steps["classify"].intercept_[0]),
        threshold=float(trained.estimator.threshold),
    )


@pytest.fixture(scope="module")
def client(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A stack of its own with the model at `/predict`."""
    stack = launch(tmp_path_factory.mktemp("known") / "home", workers=1)
    try:
        client = stack.client()
        published = client.publish(trained.estimator, draft=draft(trained), roll=True)
        stack.wait_until_held("segmentation", published.version)
        yield client
    finally:
        stack.stop()


def test_the_rows_tell_right_answers_from_wrong_ones(numbers: Numbers) -> None:
    scores = [numbers.score(row.meaning) for row in KNOWN]
    assert len(KNOWN) == 20
    assert {score >= numbers.threshold for score in scores} == {True, False}
    assert any(0.5 <= score < numbers.threshold for score in scores)  # these a threshold of a half would get wrong
    assert all(abs(score - numbers.threshold) > 1e-6 for score in scores)
    chosen = np.flatnonzero(numbers.chosen)
    firsts = len(NUMBERS) + np.cumsum([0, *(len(listed) for listed in numbers.categories)])
    assert all(((chosen >= first) & (chosen < last)).any() for first, last in pairwise(firsts))
    assert {NUMBERS.index("x12"), NUMBERS.index("x63")} <= set(chosen.tolist())


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_a_known_row_gets_the_answer_that_arithmetic_gives(client: Client, numbers: Numbers, known) -> None:
    answer = client.predict(known.row)
    assert isinstance(answer, dict)
    score = numbers.score(known.meaning)
    assert answer["predict_proba"] == pytest.approx([1.0 - score, score], abs=1e-9)
    assert answer["prediction"] == int(score >= numbers.threshold)
    assert answer["classes"] == [0, 1]


def test_the_known_rows_as_a_batch_get_the_same_answers_in_order(client: Client, numbers: Numbers) -> None:
    answer = client.predict([known.row for known in KNOWN])
    assert isinstance(answer, dict)
    assert isinstance(rows := answer["predictions"], list)
    scores = [numbers.score(known.meaning) for known in KNOWN]
    assert [row["prediction"] for row in rows] == [int(score >= numbers.threshold) for score in scores]
    assert [row["predict_proba"][1] for row in rows] == pytest.approx(scores, abs=1e-9)


def test_missing_numbers_are_filled_by_the_means_of_the_training_rows_alone(trained: Trained, numbers: Numbers) -> None:
    train, _ = train_test_split(raw := generate(ROWS, seed=0), test_size=0.25, random_state=0, stratify=raw[TARGET])
    for name in ("x3", "x44", "x99"):
        seen = [float(value) for value in train[name] if value != "nan"]
        assert len(seen) < len(train)
        assert numbers.means[NUMBERS.index(name)] == pytest.approx(np.mean(seen), rel=1e-12)
    shares = [float(value.rstrip("%")) for value in train["x63"] if value != "nan"]
    assert numbers.means[NUMBERS.index("x63")] == pytest.approx(np.mean(shares), rel=1e-12)
    amounts = [_amount(value) for value in train["x12"] if value != "nan"]
    assert numbers.means[NUMBERS.index("x12")] == pytest.approx(np.mean(amounts), rel=1e-12)


def _amount(text: str) -> float:
    size = float("".join(character for character in text if character.isdigit() or character == "."))
    return -size if text.startswith(("(", "-")) else size


def test_the_cutoff_is_the_75th_percentile_of_the_training_scores(trained: Trained) -> None:
    from changeover.estimator.training_frame import read_frame

    train, _ = train_test_split(raw := generate(ROWS, seed=0), test_size=0.25, random_state=0, stratify=raw[TARGET])
    scores = sorted(trained.estimator.predict_proba(read_frame(train, trained.schema))[:, 1])
    position = (len(scores) - 1) * PERCENTILE / 100
    below, share = int(position), position - int(position)
    cutoff = scores[below] + share * (scores[below + 1] - scores[below])
    assert trained.estimator.threshold == pytest.approx(cutoff, abs=1e-12)
    assert np.mean(np.array(scores) >= trained.estimator.threshold) == pytest.approx(0.25, abs=0.001)

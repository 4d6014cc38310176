"""Warnings and refusals for a model that was made with other library versions."""

import pytest

from changeover.artifact import version_skew

HERE = {"python": "3.11.9", "scikit-learn": "1.9.1", "numpy": "2.3.1", "joblib": "1.5.0"}


@pytest.mark.parametrize("theirs", ["1.8.9", "1.10.0", "2.9.1", "0.24"])
def test_another_minor_version_of_scikit_learn_is_refused_with_what_to_do(theirs: str) -> None:
    reason = version_skew.refusal({"scikit-learn": theirs}, HERE)
    assert reason is not None
    assert f"made with scikit-learn {theirs}, 1.9.1 serves here" in reason
    assert "changeover environment add" in reason


@pytest.mark.parametrize("theirs", [{"scikit-learn": "1.9.0"}, {"scikit-learn": "1.9"}, {}, {"numpy": "1.0"}])
def test_a_patch_and_what_is_not_known_are_not_refused(theirs: dict[str, str]) -> None:
    assert version_skew.refusal(theirs, HERE) is None


def test_each_other_minor_version_is_a_warning() -> None:
    made_with = {"python": "3.13.0", "numpy": "2.3.9", "joblib": "1.4.2", "torch": "1.0"}
    assert version_skew.warnings(made_with, HERE) == [
        "it was trained with python 3.13.0, 3.11.9 serves here; answers may differ",
        "it was trained with joblib 1.4.2, 1.5.0 serves here; answers may differ",
    ]

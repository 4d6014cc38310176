"""The comparison of a model's library versions with the installed ones: warnings and refusals.

scikit-learn does not support loading a model of another minor version, so such a model is refused. A difference in
another distribution is a warning.
"""

from collections.abc import Mapping
from typing import Final

SKLEARN: Final = "scikit-learn"
WATCHED: Final = ("python", SKLEARN, "numpy", "scipy", "pandas", "joblib")


def refusal(made_with: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """The reason to refuse a model of the environment `made_with` in the environment `here`, or None.

    Both are versions by distribution name; an unknown version counts as equal.
    """
    theirs, ours = made_with.get(SKLEARN), here.get(SKLEARN)
    if theirs is None or ours is None or _minor(theirs) == _minor(ours):
        return None
    return (
        f"the artifact was made with scikit-learn {theirs}, {ours} serves here, and models do not keep their meaning "
        f"from one to the other: train it with {ours} (conda_environment.yml), or make an environment: `changeover environment add`"
    )


def warnings(made_with: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """A sentence for each distribution whose version differs in more than a patch."""
    return [
        f"it was trained with {name} {made_with[name]}, {here[name]} serves here; answers may differ"
        for name in WATCHED
        if name in made_with and name in here and _minor(made_with[name]) != _minor(here[name])
    ]


def _minor(version: str) -> list[str]:
    """The major and minor part of a version."""
    return version.split(".")[:2]

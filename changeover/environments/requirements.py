"""The requirements of an environment: those of its user, and those of the processes that run models in it.

A library that the user does not name is taken from the time of the scikit-learn that the user names: a newer one may
read the model, and answer something else. The ranges were tested with `tests/integration/test_environments.py`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from changeover.environments.environment import installed_version
from changeover.environments.exceptions import CannotMake

SKLEARN: Final = "scikit-learn"
OLDEST: Final = (
    1,
    2,
)  # the oldest scikit-learn that is built for Python 3.11, and that the reader of artifacts supports
# joblib before 1.6 reads object arrays around the list of allowed globals
_RUNNER: Final = {
    "joblib": "joblib>=1.6,<2",
    "msgspec": "msgspec>=0.20,<1",
    "onnx": "onnx>=1.18,<2",
    "onnxruntime": "onnxruntime>=1.23,<1.29",
    "skl2onnx": "skl2onnx>=1.19.1,<2",
}
# scikit-learn -> the first versions of NumPy, SciPy and pandas that came after it
_OF_ITS_TIME: Final = {
    (1, 2): ("numpy<1.27", "scipy<1.11", "pandas<2.1"),
    (1, 3): ("numpy<1.27", "scipy<1.12", "pandas<2.2"),
    (1, 4): ("numpy<2", "scipy<1.14", "pandas<2.3"),
    (1, 5): ("numpy<2.2", "scipy<1.15", "pandas<2.3"),
    (1, 6): ("numpy<2.3", "scipy<1.16", "pandas<2.3"),
    (1, 7): ("numpy<2.4", "scipy<1.17", "pandas<3"),
}
_NEWER: Final = ("numpy<3", "scipy<2", "pandas<4")
_LEADING_NAME: Final = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_VERSION: Final = re.compile(r"[=~<>]=?=?\s*(\d+)\.(\d+)")


class Requirements(NamedTuple):
    """The requirements that pip gets: `asked` of the user, `added` for the processes that run models."""

    asked: tuple[str, ...]
    added: tuple[str, ...]


class InFile(NamedTuple):
    """The content of a file of requirements."""

    requirements: tuple[str, ...]
    allow_code: bool


def read_file(path: Path) -> InFile:
    """Read a file with one requirement a line, comments, and perhaps the line `ALLOW_CODE=true`.

    A path to a wheel starts from the folder of the file. Raises OSError.
    """
    requirements: list[str] = []
    allow_code = False
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = re.sub(r"(^|\s)#.*", "", line).strip()
        if entry.replace(" ", "").upper().startswith("ALLOW_CODE="):
            allow_code = entry.partition("=")[2].strip().lower() == "true"
        elif entry.startswith(("./", "../")):
            requirements.append(str(path.parent / entry))
        elif entry:
            requirements.append(entry)
    return InFile(tuple(requirements), allow_code)


def complete(asked: Sequence[str]) -> Requirements:
    """Add what a runner needs to the requirements of a user; raises CannotMake for an option or an old scikit-learn."""
    if not asked:
        raise CannotMake("no requirement is given: name what the model was made with, such as 'scikit-learn==1.6.1'")
    for requirement in asked:
        if requirement.lstrip().startswith("-"):
            raise CannotMake(f"{requirement!r} is an option of pip: set pip's options in its configuration")
    named = {name_of(requirement): requirement for requirement in asked}
    minor = _minor(named[SKLEARN]) if SKLEARN in named else None
    added = list(_RUNNER.values())
    if SKLEARN not in named:
        here = installed_version(SKLEARN)
        added.append(f"{SKLEARN}=={here}" if here else SKLEARN)
        minor = _minor(added[-1])
    if minor is not None and minor < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise CannotMake(
            f"{named[SKLEARN]!r}: scikit-learn before {oldest} is not supported; train the model again with a newer one"
        )
    added += _OF_ITS_TIME.get(minor, _NEWER) if minor else _NEWER
    return Requirements(tuple(asked), tuple(requirement for requirement in added if name_of(requirement) not in named))


def pandas_of_its_time(minor: tuple[int, int]) -> str | None:
    """The range of pandas for a minor version of scikit-learn, None if any will do."""
    return _OF_ITS_TIME[minor][2] if minor in _OF_ITS_TIME else None


def minor_of(version: str) -> tuple[int, int] | None:
    """The major and minor part of a version."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else None


def name_of(requirement: str) -> str:
    """The normalized name of the distribution: of a requirement, or of a wheel by its file name."""
    if requirement.endswith(".whl"):
        requirement = requirement.replace("\\", "/").rpartition("/")[2].partition("-")[0]
    match = _LEADING_NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""


def names_runner(distribution: str) -> bool:
    """Whether a distribution is one that every environment has for the processes that run models."""
    return distribution in _RUNNER


def _minor(requirement: str) -> tuple[int, int] | None:
    match = _VERSION.search(requirement)
    return (int(match[1]), int(match[2])) if match else None

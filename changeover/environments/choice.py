"""The choice of an environment for an artifact, and the message with a command if there is none.

Versions and package names come from the artifact, and an operator may copy the command into a shell. So a version that
is not one is left out, and only packages with a known distribution become requirements.
"""

import re
import sys
from collections.abc import Collection, Mapping
from typing import Final

from changeover.environments.environment import DEFAULT, LISTED, Environment
from changeover.environments.exceptions import NoEnvironment
from changeover.environments.requirements import OLDEST, SKLEARN, minor_of, pandas_of_its_time

# top-level packages whose distribution has another name, and those that have the same
_DISTRIBUTIONS: Final = {
    "category_encoders": "category-encoders",
    "feature_engine": "feature-engine",
    "imblearn": "imbalanced-learn",
    "sklearn_pandas": "sklearn-pandas",
    "sksurv": "scikit-survival",
} | {
    name: name
    for name in ("catboost", "formulaic", "lightgbm", "mlxtend", "patsy", "skops", "skorch", "statsmodels", "xgboost")
}
# packages by which an artifact carries code
_BY_VALUE: Final = frozenset({"cloudpickle", "dill"})
_NOTEBOOK: Final = "__main__"
_OLDEST_PANDAS: Final = (1, 5)  # the oldest that is built for Python 3.11
_VERSION: Final = re.compile(r"\d+(\.\d+)+(\.post\d+)?")


def choose(
    made_with: Mapping[str, str],
    roots: Collection[str],
    environments: Mapping[str, Environment],
    names: Collection[str] = (),
) -> Environment:
    """The environment that reads an artifact; raises NoEnvironment.

    `made_with` are versions by distribution name, as far as the artifact or its publisher says; `roots` are the
    top-level packages that the artifact's globals come from. The environment has the same minor version of
    scikit-learn, any if the artifact names none, and knows each root that is not read by the list of allowed globals.
    `names` are the artifact's globals, of which the message names one for each package that is not known.
    """
    needed = sorted(root for root in roots if not _is_listed(root))
    theirs = minor_of(made_with.get(SKLEARN, ""))
    for environment in sorted(environments.values(), key=lambda each: (each.name != DEFAULT, each.name)):
        same = theirs is None or minor_of(environment.versions.get(SKLEARN, "")) == theirs
        if same and all(_knows(environment, root) for root in needed):
            return environment
    raise NoEnvironment(_message(made_with, needed, environments, names))


def _is_listed(root: str) -> bool:
    return root in LISTED or root == "_loss" or (root in sys.stdlib_module_names and root != _NOTEBOOK)


def _knows(environment: Environment, root: str) -> bool:
    return environment.allow_code if root in _BY_VALUE else root in environment.roots


def _message(
    made_with: Mapping[str, str], needed: list[str], environments: Mapping[str, Environment], names: Collection[str]
) -> str:
    """The reason, the environments that there are, and the next step."""
    theirs = made_with.get(SKLEARN, "")
    made = f"scikit-learn {_shown(theirs)}" if theirs else ""
    packages = [_with_example(root, names) for root in needed if root != _NOTEBOOK]
    reason = f"the artifact was made with {' and '.join(filter(None, [made, ', '.join(packages)]))}"
    if _NOTEBOOK in needed:
        return (
            f"the artifact needs a class or function of a notebook or script ({_example(_NOTEBOOK, names)}), which is in no "
            "package: put it into a module of a package, and the wheel of that package into an environment (`changeover environment add`)"
        )
    minor = minor_of(theirs)
    if minor is not None and minor < OLDEST:
        return (
            f"{reason}; no environment can have scikit-learn {minor[0]}.{minor[1]}, as the oldest one supported is "
            f"{OLDEST[0]}.{OLDEST[1]}: train the model again with a newer one"
        )
    there = ", ".join(f"{name} ({_described(environment)})" for name, environment in environments.items())
    return f"{reason}; the environments here are {there}. Add one and publish again: {_command(made_with, needed, environments)}"


def _with_example(root: str, names: Collection[str]) -> str:
    """A package, with one of its globals if it is not a known library."""
    known = root in _DISTRIBUTIONS or root in _BY_VALUE
    return _shown(root) if known or not names else f"{_shown(root)} ({_example(root, names)})"


def _example(root: str, names: Collection[str]) -> str:
    """The first of `names` that is of the package `root`."""
    return f"`{_shown(min((name for name in names if name.partition('.')[0] == root), default=root))}`"


def _described(environment: Environment) -> str:
    return ", ".join([f"scikit-learn {environment.versions.get(SKLEARN, 'none')}", *environment.roots])


def _command(made_with: Mapping[str, str], needed: list[str], environments: Mapping[str, Environment]) -> str:
    """The command that makes an environment for the artifact."""
    requirements: list[str] = []
    minor = minor_of(made_with.get(SKLEARN, ""))
    if minor is not None:
        requirements.append(_pinned(SKLEARN, made_with, f"{SKLEARN}=={minor[0]}.{minor[1]}.*"))
        pandas = minor_of(made_with.get("pandas", ""))
        known = pandas is not None and pandas >= _OLDEST_PANDAS
        of_its_time = f"pandas=={pandas[0]}.{pandas[1]}.*" if pandas and known else pandas_of_its_time(minor)
        requirements += [of_its_time] if of_its_time else []
    installed = [root for root in needed if root in _DISTRIBUTIONS or root in _BY_VALUE]
    for root in installed:
        distribution = _DISTRIBUTIONS.get(root, root)
        requirements.append(_pinned(distribution, made_with, distribution))
    unknown = [_shown(root) for root in needed if root not in installed]
    name = _free_name(minor, needed, environments)
    words = ["changeover environment add", name, *map(_quoted, requirements), *["WHEEL"] * len(unknown)]
    words += ["--allow-code"] if _BY_VALUE & set(needed) else []
    wheels = f" (WHEEL: a wheel with the package {', another with '.join(unknown)})" if unknown else ""
    return f"{' '.join(words)}{wheels}"


def _pinned(distribution: str, made_with: Mapping[str, str], otherwise: str) -> str:
    version = made_with.get(distribution, "")
    return f"{distribution}=={version}" if _VERSION.fullmatch(version) else otherwise


def _free_name(minor: tuple[int, int] | None, needed: list[str], environments: Mapping[str, Environment]) -> str:
    """A name that no environment has: `sklearn-1.4`, `sklearn-1.4-lightgbm`, `sklearn-1.4-2`."""
    packages = [root.lower() for root in needed if root in _DISTRIBUTIONS][:1]
    base = f"sklearn-{minor[0]}.{minor[1]}" if minor else (packages or ["models"])[0]
    names = [base, *(f"{base}-{package}" for package in packages), *(f"{base}-{count}" for count in range(2, 1000))]
    return next(name for name in names if name not in environments)


def _quoted(requirement: str) -> str:
    return requirement if re.fullmatch(r"[\w.-]+", requirement) else f"'{requirement}'"


def _shown(text: str) -> str:
    """A word of the artifact, without characters that a shell would read."""
    return re.sub(r"[^\w.+-]", "?", text, flags=re.ASCII)[:60]

"""The environment of an artifact: the versions of the libraries that it depends on."""

import platform
from importlib import metadata
from typing import Final

_DISTRIBUTIONS: Final = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")


def environment() -> dict[str, str]:
    """The versions of the libraries that a model depends on, by distribution name, and of `python`."""
    versions = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions

"""The packages that the stack needs beyond those of the command line: the extra `embedded` brings them."""

import importlib.util
from typing import Final

from changeover.exceptions import MissingPackage

_REQUIRED: Final = ("flask", "granian", "minio", "onnxruntime", "psutil", "sklearn")


def check_required() -> None:
    """Raise MissingPackage for the first package that is not installed: a service would end immediately without it."""
    for name in _REQUIRED:
        if importlib.util.find_spec(name) is None:
            raise MissingPackage(name)

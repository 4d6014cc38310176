"""The start of a module of this product in any interpreter: `PYTHON -I .../bootstrap.py MODULE ARGUMENTS...`.

The interpreter of an environment has its own packages and not this product. Its `sys.path` stays as it is, so that no
other package of the product's site-packages can be imported. Two packages are added by their folders: `model_runner`,
which holds this file, and `changeover`, which stands beside it.
"""

import importlib.util
import runpy
import sys
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parent
_LEAST: Final = (3, 11)
PACKAGES: Final = {"changeover": _FOLDER.with_name("changeover"), "model_runner": _FOLDER}


def add_packages() -> None:
    """Import `changeover` and `model_runner` from their folders; their modules are then found as usual."""
    for name, folder in PACKAGES.items():
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{name} is not in {folder}")
        package = importlib.util.module_from_spec(spec)
        sys.modules[name] = package
        spec.loader.exec_module(package)


def main(arguments: list[str]) -> None:
    """Run the module that the first argument names as `__main__`, with the rest as its arguments."""
    if not arguments:
        sys.exit("usage: python -I bootstrap.py MODULE [ARGUMENT]...")
    if sys.version_info < _LEAST:
        sys.exit(f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}; at least 3.11 is needed")
    add_packages()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

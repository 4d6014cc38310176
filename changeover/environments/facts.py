"""The facts of an environment, found by its own interpreter: versions, packages, and the list of allowed globals.

The interpreter runs this module by `model_runner.bootstrap`, with the path of a file LIST. It imports what a runner
needs, and each package that the environment was made for, writes the list of allowed globals to LIST, and prints JSON.
"""

import contextlib
import importlib
import io
import json
import platform
import re
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from changeover.environments.environment import LISTED
from changeover.environments.requirements import names_runner

_RUNNER_MODULES: Final = (
    *("numpy", "scipy", "pandas", "sklearn", "joblib", "msgspec", "onnx", "onnxruntime", "skl2onnx"),
    *("changeover.artifact.load", "changeover.estimator.scoring", "changeover.onnx_twin.export.convert"),
)
_LEAST_JOBLIB: Final = (1, 6)


def facts(allowed_globals: Path) -> dict[str, Any]:
    """`{"versions": ..., "roots": ..., "error": ...}`; the error is a sentence, or None."""
    versions = {"python": platform.python_version()} | {
        _normalized(distribution.name): distribution.version for distribution in metadata.distributions()
    }
    result: dict[str, Any] = {"versions": versions, "roots": [], "error": None}
    for module in _RUNNER_MODULES:
        if reason := _import_error(module):
            return result | {"error": f"{module} cannot be imported: {reason}"}
    if tuple(int(part) for part in versions["joblib"].split(".")[:2]) < _LEAST_JOBLIB:
        return result | {"error": f"joblib {versions['joblib']} is too old: at least 1.6 is needed"}
    for distribution, packages in sorted(_packages().items()):
        reasons = {package: _import_error(package) for package in sorted(packages)}
        there = [package for package, reason in reasons.items() if reason is None]
        if reasons and not there:
            package, reason = next(iter(reasons.items()))
            return result | {"error": f"{package}, of {distribution}, cannot be imported: {reason}"}
        result["roots"] += there
    _write_list(allowed_globals)
    return result


def _packages() -> dict[str, set[str]]:
    """The top-level packages of each distribution that the user of the environment named."""
    packages: dict[str, set[str]] = {}
    for package, distributions in metadata.packages_distributions().items():
        if not package.isidentifier() or package in LISTED or package in sys.stdlib_module_names:
            continue
        for name in distributions:
            if _is_named(name):
                packages.setdefault(_normalized(name), set()).add(package)
    return packages


def _is_named(distribution: str) -> bool:
    """Whether pip was given this distribution, beside those that every environment has."""
    named = metadata.distribution(distribution).read_text("REQUESTED") is not None
    return (
        named and not names_runner(_normalized(distribution)) and _normalized(distribution) not in {"pip", "setuptools"}
    )


def _import_error(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the import runs a foreign module, which may raise anything
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return None


def _write_list(target: Path) -> None:
    from changeover.artifact.generate_allowed_globals import as_json, generate

    target.write_text(as_json(generate()), encoding="utf-8")


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def main(arguments: list[str]) -> None:
    """Print the facts as one line of JSON; what imports print goes nowhere."""
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        result = facts(Path(arguments[0]))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

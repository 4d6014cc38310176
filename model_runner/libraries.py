"""The libraries of models: imported by the zygote before any confinement, and readable afterwards."""

import importlib
import site
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Final

from model_runner.options import Preload

# shared libraries, time zones, and the number of processors (joblib reads it)
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_PROCESSORS: Final = ("/sys/devices/system/cpu", "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu")
_OF_MODELS: Final = (
    "sklearn.pipeline",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.compose",
    "scipy.sparse",
    "scipy.interpolate",
)
_OF_TWINS: Final = ("onnx", "skl2onnx", "onnxruntime")  # they inspect the processor during their import


def readable() -> list[Path]:
    """The paths that stay readable: Python's library, installed packages, our packages, system libraries."""
    paths = sysconfig.get_paths()
    ours = [importlib.import_module(name).__path__[0] for name in ("changeover", "model_runner")]
    named = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages(), *ours]
    return [Path(path) for path in dict.fromkeys([*named, *_SYSTEM, *_PROCESSORS])]


def import_of_models() -> None:
    """Import what every zygote has, whatever its options."""
    for name in ("model_runner.calls.examine", "model_runner.calls.prepare", *_OF_MODELS):
        importlib.import_module(name)


def preload(options: Preload) -> str:
    """Import the libraries; returns a line for each failed import."""
    import_of_models()
    importlib.import_module("changeover.artifact.load").read_list(options.rules)  # no runner can open that file
    # several estimators look up the thread pools of libraries, in files that will be closed; this caches the result
    with suppress(AttributeError):  # an older scikit-learn looks them up in each call
        importlib.import_module("sklearn.utils.parallel")._get_threadpool_controller()  # noqa: SLF001  no public one
    wanted = [(dotted.rpartition(".")[0], f"{dotted} of ALLOWED_GLOBALS") for dotted in options.extra_globals]
    wanted += [(name, f"the package {name} of this environment") for name in options.roots]
    if options.twins:
        wanted += [(name, f"{name}, without which there are no twins,") for name in _OF_TWINS]
    failures = ""
    for name, what in wanted:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  the import runs a foreign module, which may raise anything
            failures += f"{what} cannot be imported: {type(error).__name__}: {error}\n"
    if "onnxruntime" in sys.modules:
        sys.modules["onnxruntime"].disable_telemetry_events()
    return failures

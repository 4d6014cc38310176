"""The class of ONNX model messages, without the rest of the onnx package.

The package's `__init__` imports its checker, printer and shape inference: 13 MB for a process. The messages alone are 3 MB.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

_MODULE: Final = "onnx.onnx_ml_pb2"


@cache
def model_message() -> Any:
    """The class `onnx.ModelProto`; raises ImportError without the onnx package."""
    if _MODULE in sys.modules:
        return sys.modules[_MODULE].ModelProto
    package = importlib.util.find_spec("onnx")  # finds it, and does not import it
    if package is None or package.origin is None:
        raise ImportError("the package onnx is not installed")
    found = importlib.util.spec_from_file_location(
        "changeover_onnx_messages", Path(package.origin).parent / "onnx_ml_pb2.py"
    )
    if found is None or found.loader is None:
        raise ImportError("the package onnx has no onnx_ml_pb2.py")
    module: Any = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except FileNotFoundError as error:
        raise ImportError(f"the package onnx has no messages: {error}") from error
    return module.ModelProto

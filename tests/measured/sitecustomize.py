"""Coverage in child processes: a tracer for the threads of granian, which `threading` does not start.

Python runs this file at the start of each child, because `tests/conftest.py` puts its folder on PYTHONPATH while coverage
is measured. The tracer reaches only threads that Python starts. Threads of granian start outside and enter our code at
the Flask application, where this module sets the tracer.
"""

import importlib.util
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _WhenFlaskComes(MetaPathFinder):
    """An import hook that loads Flask unchanged and then wraps its entry point."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "flask.app":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_wrap(module: ModuleType) -> None:
                load(module)
                _follow(module.Flask)

            spec.loader.exec_module = load_and_wrap  # type: ignore[method-assign]
        return spec


def _follow(flask: Any) -> None:
    answer = flask.__call__

    def answer_traced(self: Any, environ: Any, start_response: Any) -> Any:
        if sys.gettrace() is None and threading.gettrace() is not None:
            sys.settrace(threading.gettrace())
        return answer(self, environ, start_response)

    flask.__call__ = answer_traced


sys.meta_path.insert(0, _WhenFlaskComes())

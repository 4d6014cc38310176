"""Runs a module of ours in any interpreter: `python -I bootstrap.py MODULE ARGUMENTS...`.

It makes the packages `changeover` and `model_runner` importable, and nothing else that stands beside them.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    sys.path = [path for path in sys.path if Path(path).resolve() != root / "model_runner"]
    for name in ("changeover", "model_runner"):
        folder = root / name
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

"""The recipe of `docs/spark.md` for Dask, run as it is there, with processes."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import dask

GIVEN = json.loads(sys.argv[1])
PAGE = Path(__file__).resolve().parents[2] / "docs" / "spark.md"


def recipe() -> str:
    """The program on the page, with the addresses of this run."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Dask\n")[1]
    (program, *_) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for there, here in GIVEN["words"].items():
        assert there in program, f"the recipe has no {there}"
        program = program.replace(there, here)
    return str(program)


if __name__ == "__main__":
    names: dict[str, Any] = {}
    with dask.config.set(scheduler="processes", num_workers=2):
        exec(compile(recipe(), "docs/spark.md", "exec"), names)
    sys.stdout.write(json.dumps("done"))

"""A predict_api without freshness checks once it has a version. Only `freshness.py` starts it.

The changes stand outside the guard below, so that each worker process makes them too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from predict_api.replica import freshness_loop
from predict_api.replica.freshness import Checks

NEVER = 1_000_000.0  # seconds


class AskedOnce(Checks):
    """The checks at the start only: one when a model is added, and one when its version is ready (`hasten`)."""

    def finish(self, now: float, lease_s: float = 0.0) -> None:
        """Finish a check; no other one is due after it."""
        super().finish(now, lease_s)
        self._due = now + NEVER


def confirmed(_model: freshness_loop.ModelFreshness) -> bool:
    return True


freshness_loop.Checks = AskedOnce
freshness_loop.ModelFreshness.confirm = confirmed

if __name__ == "__main__":
    from predict_api.__main__ import main

    sys.exit(main())

"""A predict_api without freshness checks once it has a version. Only `freshness.py` starts it.

The changes stand outside the guard below, so that each worker process makes them too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from predict_api.replica import freshness_loop
from predict_api.replica.freshness import Freshness, Outcome

NEVER = 1_000_000.0  # seconds


class AskedOnce(Freshness):
    """The checks end with the first one that confirms the active version."""

    def finish(self, outcome: Outcome, now: float, lease_s: float = 0.0) -> None:
        """Finish a check; after one that confirms, no other check is due."""
        super().finish(outcome, now, lease_s)
        if outcome is Outcome.CONFIRMED:
            self._due = now + NEVER


def confirmed(_loop: freshness_loop.FreshnessLoop) -> bool:
    return True


freshness_loop.Freshness = AskedOnce
freshness_loop.FreshnessLoop.confirm = confirmed

if __name__ == "__main__":
    from predict_api.__main__ import main

    sys.exit(main())

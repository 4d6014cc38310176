"""The measures of confinement that hold on this system, from a process that only tries them."""

import json
import subprocess
import sys
from typing import Final

from changeover.process.log_events import event
from model_runner.confinement.confine import MEASURES
from model_runner.pool.processes import BOOTSTRAP, variables

__all__ = ["MEASURES", "missing", "probed"]
_SECONDS: Final = 30.0


def probed() -> dict[str, bool]:
    """Whether each of MEASURES holds for a runner on this system. Those that do not are logged."""
    command = [sys.executable, "-I", str(BOOTSTRAP), "model_runner.probe"]
    try:
        ended = subprocess.run(  # noqa: S603  our own interpreter and script, by absolute path
            command, stdin=subprocess.DEVNULL, capture_output=True, env=variables(1), timeout=_SECONDS, check=False
        )
        found = json.loads(ended.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        found = {}
    measures = {measure: found.get(measure) is True for measure in MEASURES}
    if lacking := missing(measures):
        event("runner.confinement_partial", level="warning", missing=lacking)
    return measures


def missing(measures: dict[str, bool]) -> list[str]:
    """The measures that do not hold."""
    return [measure for measure, holds in measures.items() if not holds]

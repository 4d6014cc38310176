"""The calls of one client, each with its outcome; a program in the client's environment, which has this file alone.

    python ask_<client>.py URL

prints `[["call", "outcome"], ...]` as JSON; the outcome is `ok`, or what came instead.
"""

import json
import sys
from collections.abc import Callable

R1 = {"age": 40, "income": 52000.5, "plan": "gold", "member": True}  # "yes"
R2 = {"age": 25, "income": 30000.0, "plan": "basic", "member": False}  # "no"
LABELS = ["yes", "no"]
_LONGEST = 200  # characters of an outcome

Calls = dict[str, Callable[[str], object]]


def expect(condition: object, seen: object) -> None:
    """Raise with what was seen unless the condition holds."""
    if not condition:
        raise AssertionError(f"{seen!r} came")


def report(calls: Calls) -> None:
    """Make all calls to the URL of the command line, and print their outcomes."""
    url = sys.argv[1]
    outcomes = []
    for name, call in calls.items():
        try:
            call(url)
            outcome = "ok"
        except Exception as error:  # noqa: BLE001 a client may raise anything
            outcome = f"{type(error).__name__}: {error}"[:_LONGEST]
        outcomes.append([name, outcome])
    sys.stdout.write(json.dumps(outcomes))

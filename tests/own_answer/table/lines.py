"""All lines of the table: for each, its cases by name."""

from tests.own_answer.table import containers, flags, float32, integers, joined, missing, texts, thresholds, times
from tests.own_answer.table.case import Made

LINES: dict[str, dict[str, Made]] = {
    "missing texts and flags": missing.CASES,
    "identifiers and whole numbers": integers.CASES,
    "dates and times": times.CASES,
    "digits as text": texts.CASES,
    "float32": float32.CASES,
    "thresholds": thresholds.CASES,
    "frame or array": containers.CASES,
    "joined calls": joined.CASES,
    "flags": flags.FLAGS,
    "whole numbers by chance": flags.FRACTIONS,
}
CASES: dict[str, Made] = {f"{line}: {name}": made for line, cases in LINES.items() for name, made in cases.items()}
# no right answer exists over JSON: the model tells two missing values of one column apart
MAY_BE_REFUSED = {"missing texts and flags: two kinds of missing"}


def some_cases(most: int) -> list[str]:
    """The names of `most` cases of each line, evenly spread."""
    return [f"{line}: {name}" for line, cases in LINES.items() for name in list(cases)[:: len(cases) // most][:most]]

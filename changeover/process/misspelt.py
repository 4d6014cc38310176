"""Misspelt settings: variables of the environment whose names are almost those of a setting.

An environment holds variables of other programs too, so a variable that no setting knows is no error. One that differs
from a setting in a letter or two is a warning that names the setting, unless it is a setting of another service.
"""

from collections.abc import Collection, Iterable
from typing import Final

_LEAST_FOR_ONE: Final = 6  # characters of a name from which one difference is a misspelling
_LEAST_FOR_TWO: Final = 14
_OTHER_SERVICES: Final = {"STORE_TIMEOUT", "SCORE_TIMEOUT"}  # settings of different services, near each other


def misspelt(variables: Iterable[str], settings: Collection[str]) -> dict[str, str]:
    """The setting that each misspelt one of `variables` means; `settings` are the right names."""
    names = {name.upper() for name in settings}
    known = names | _OTHER_SERVICES | {f"{name}_FILE" for name in names}
    meant: dict[str, str] = {}
    for variable in variables:
        if variable.upper() in known:
            continue
        near = [name for name in sorted(names) if _is_near(variable.upper(), name)]
        if near:
            meant[variable] = near[0]
    return meant


def _is_near(variable: str, name: str) -> bool:
    most = 2 if len(name) >= _LEAST_FOR_TWO else 1
    if len(name) < _LEAST_FOR_ONE or abs(len(variable) - len(name)) > most:
        return False
    return _distance(variable, name) <= most


def _distance(one: str, other: str) -> int:
    """The Levenshtein distance of two short strings, where a swap of neighbours counts once."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]

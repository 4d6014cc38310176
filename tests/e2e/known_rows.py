"""Twenty rows for the segmentation model: the JSON that is sent, and the values that a person reads in it.

A row is one of the five bodies of the example with some fields spelt differently. `meant` is typed by hand: a number, a
category as the model spells it, or None for a missing value.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from changeover.demo.bodies import body_rows
from changeover.demo.generate import CATEGORIES, NUMBERS
from changeover.json_types import Json, JsonObject

Meant = float | str | None
# (x12, x63) of the five bodies, read by hand
_AMOUNTS: Final = ((3709.93, 45.85), (6882.34, 62.59), (5647.81, 3.11), (-5032.58, 28.07), (-1920.03, 33.49))
_NO_CATEGORY: Final[dict[str, Meant]] = dict.fromkeys(CATEGORIES)
_NO_NUMBER: Final[dict[str, Meant]] = dict.fromkeys(NUMBERS)


@dataclass(frozen=True)
class Known:
    """One row: `sent` and `meant` hold the differences from body number `body`."""

    name: str
    body: int
    sent: JsonObject = field(default_factory=dict)
    meant: dict[str, Meant] = field(default_factory=dict)

    @property
    def row(self) -> JsonObject:
        """The whole row as it is sent."""
        return body_rows()[self.body] | self.sent

    @property
    def meaning(self) -> dict[str, Meant]:
        """The whole row as it is meant."""
        amount, share = _AMOUNTS[self.body]
        as_sent = {name: _plainly(name, value) for name, value in body_rows()[self.body].items()}
        return as_sent | {"x12": amount, "x63": share} | self.meant


def _plainly(name: str, value: Json) -> Meant:
    if name in CATEGORIES:
        return str(value)
    if name in ("x12", "x63") or value == "nan":
        return None
    number = float(str(value))
    assert math.isfinite(number)
    return number


def _in_case(x5: str, x31: str, x81: str, x82: str) -> JsonObject:
    return {"x5": x5, "x31": x31, "x81": x81, "x82": x82}


def _listed(x5: str, x31: str, x81: str, x82: str) -> dict[str, Meant]:
    return {"x5": x5, "x31": x31, "x81": x81, "x82": x82}


ROWS: Final = (
    *(Known(f"body {number}", number) for number in range(5)),
    Known("owed, in brackets", 0, {"x12": "(5,032.58)"}, {"x12": -5032.58}),
    Known("dollars without cents", 1, {"x12": "$1,920"}, {"x12": 1920.0}),
    Known("an amount with blanks after it", 4, {"x12": "$6,882.34 "}, {"x12": 6882.34}),
    Known("an amount written plainly", 2, {"x12": "3709.93"}, {"x12": 3709.93}),
    Known("an amount and a share as numbers", 3, {"x12": 6882.34, "x63": 62.59}, {"x12": 6882.34, "x63": 62.59}),
    Known("a share with its sign", 0, {"x63": "62.59%"}, {"x63": 62.59}),
    Known("a share without its sign", 0, {"x63": "62.59"}, {"x63": 62.59}),
    Known("missing money and share", 1, {"x12": "nan", "x63": ""}, {"x12": None, "x63": None}),
    Known(
        "missing cells of each kind", 2, {"x3": None, "x44": "NaN", "x53": ""}, {"x3": None, "x44": None, "x53": None}
    ),
    Known("every number is missing", 2, {**_NO_NUMBER}, _NO_NUMBER),
    Known("every category is missing", 2, {**_NO_CATEGORY}, _NO_CATEGORY),
    Known("every value is missing", 3, {**_NO_NUMBER, **_NO_CATEGORY}, {**_NO_NUMBER, **_NO_CATEGORY}),
    Known(
        "categories in capitals",
        4,
        _in_case("SATURDAY", "GERMANY", "DECEMBER", "FEMALE"),
        _listed("saturday", "germany", "December", "Female"),
    ),
    Known(
        "categories in some case",
        1,
        _in_case("Saturday", "Japan", "december", "mALE"),
        _listed("saturday", "japan", "December", "Male"),
    ),
    Known("categories never seen", 2, _in_case("someday", "Atlantis", "Smarch", "nan"), _NO_CATEGORY),
)

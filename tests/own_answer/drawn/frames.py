"""Columns of every dtype, drawn with and without missing values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

Random = np.random.Generator
MOST_COLUMNS: Final = 6
NAMES: Final = ("size", "city", "größe", "a b", "2020", "e=mc²", "Zip", "x0", "class", "at")
WORDS: Final = (
    "Rome",
    "Oslo",
    "01100",
    "1100",
    "true",
    "NaN",
    "",
    " ",
    "Zürich",
    "2024-01-01",
    "$5",
    "5%",
    "中",
    "none",
)


@dataclass(frozen=True)
class Drawn:
    """A column: its cells, and which treatments suit it (`number`, `category`, `time`, `text`)."""

    kind: str
    cells: "pd.Series[Any]"
    suits: frozenset[str]
    missing: bool


def _whole(low: int, high: int) -> Callable[[Random, int], np.ndarray]:
    return lambda random, rows: random.integers(low, high, rows, endpoint=True, dtype=np.int64)


def _identifiers(random: Random, rows: int) -> np.ndarray:
    return 2**53 + random.integers(0, 6, rows)


def _unsigned(random: Random, rows: int) -> np.ndarray:
    return np.uint64(2**64 - 1) - random.integers(0, 6, rows, dtype=np.uint64)


def _tenths(random: Random, rows: int) -> np.ndarray:
    return random.integers(-20, 21, rows) / 10


def _reals(random: Random, rows: int) -> np.ndarray:
    return random.normal(0, 10.0 ** random.integers(-2, 5), rows)


def _words(random: Random, rows: int) -> np.ndarray:
    pool = random.choice(np.array(WORDS, dtype=object), random.integers(2, 7), replace=False)
    return pool[random.integers(0, len(pool), rows)]


def _flags(random: Random, rows: int) -> np.ndarray:
    return random.random(rows) < random.uniform(0.2, 0.8)


def _days(random: Random, rows: int) -> np.ndarray:
    first = pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(random.integers(0, 700)))
    step = timedelta(days=1) if random.random() < 0.6 else timedelta(hours=7, minutes=1, microseconds=1)
    pool = np.array([first + step * index for index in range(5)], dtype=object)
    return pool[random.integers(0, 5, rows)]


NUMBER, CATEGORY, TIME, TEXT = "number", "category", "time", "text"
BOTH: Final = frozenset({NUMBER, CATEGORY})
Values = Callable[[Random, int], np.ndarray]
# kind -> the values, the dtype of the column, what stands for a missing value (... : the column has none), what it suits
KINDS: Final[dict[str, tuple[Values, str, object, frozenset[str]]]] = {
    "bool": (_flags, "bool", ..., BOTH),
    **{kind: (_whole(-7, 7), kind, ..., BOTH) for kind in ("int8", "int16", "int32", "int64")},
    **{kind: (_whole(0, 9), kind, ..., BOTH) for kind in ("uint8", "uint16", "uint32")},
    "identifiers": (_identifiers, "int64", ..., frozenset({CATEGORY})),
    "uint64": (_unsigned, "uint64", ..., frozenset({CATEGORY})),
    "float32": (_tenths, "float32", np.nan, BOTH),
    "float32 of any value": (_reals, "float32", np.nan, frozenset({NUMBER})),
    "float64": (_tenths, "float64", np.nan, BOTH),
    "float64 of any value": (_reals, "float64", np.nan, frozenset({NUMBER})),
    "whole float64": (_whole(0, 5), "float64", np.nan, BOTH),
    "object of texts and None": (_words, "object", None, frozenset({CATEGORY, TEXT})),
    "object of texts and NaN": (_words, "object", np.nan, frozenset({CATEGORY, TEXT})),
    "object of flags and None": (_flags, "object", None, frozenset({CATEGORY})),
    "object of flags and NaN": (_flags, "object", np.nan, frozenset({CATEGORY})),
    "object of integers and None": (_identifiers, "object", None, frozenset({CATEGORY})),
    "object of integers and NaN": (_whole(0, 5), "object", np.nan, BOTH),
    "str": (_words, "str", np.nan, frozenset({CATEGORY, TEXT})),
    **{kind: (_words, kind, pd.NA, frozenset({CATEGORY, TEXT})) for kind in ("string[python]", "string[pyarrow]")},
    "category of texts": (_words, "category", np.nan, frozenset({CATEGORY})),
    "category of integers": (_whole(1, 5), "category", np.nan, frozenset({CATEGORY})),
    "ordered category": (_words, "ordered", np.nan, frozenset({CATEGORY})),
    "datetime64[ns]": (_days, "datetime64[ns]", pd.NaT, frozenset({CATEGORY, TIME})),
    "datetime64[us]": (_days, "datetime64[us]", pd.NaT, frozenset({CATEGORY, TIME})),
    "datetime64[ns, Europe/Berlin]": (_days, "datetime64[ns, Europe/Berlin]", pd.NaT, frozenset({CATEGORY, TIME})),
    "Int64": (_whole(-4, 4), "Int64", pd.NA, BOTH),
    "boolean": (_flags, "boolean", pd.NA, BOTH),
    "Float64": (_tenths, "Float64", pd.NA, BOTH),
}


def draw_column(random: Random, kind: str, rows: int) -> Drawn:
    """A column of `kind`, with missing values in half of the cases in which it may have them."""
    values, dtype, stands_for_missing, suits = KINDS[kind]
    cells = values(random, rows).astype(object)
    missing = stands_for_missing is not ... and random.random() < 0.5
    if missing:
        cells[random.random(rows) < 0.15] = stands_for_missing
    return Drawn(kind, _typed(random, cells, dtype), suits, missing)


def _typed(random: Random, cells: np.ndarray, dtype: str) -> "pd.Series[Any]":
    if dtype in ("category", "ordered"):
        known = [value for value in dict.fromkeys(cells) if value == value]  # in the order in which they come
        return pd.Series(pd.Categorical(cells, categories=known, ordered=dtype == "ordered"))
    if dtype.startswith("datetime64"):
        zone = dtype.partition(", ")[2].rstrip("]")
        times = pd.Series(pd.to_datetime(pd.Series(cells, dtype=object))).astype(f"datetime64[{dtype[11:13]}]")
        return times.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") if zone else times
    return pd.Series(cells, dtype=object).astype(dtype) if dtype != "object" else pd.Series(cells, dtype=object)


def draw_columns(random: Random, rows: int, kinds: "list[str] | None" = None) -> dict[str, Drawn]:
    """Up to MOST_COLUMNS columns by name."""
    kinds = kinds or list(KINDS)
    count = int(random.integers(1, MOST_COLUMNS, endpoint=True))
    names = random.choice(np.array(NAMES, dtype=object), count, replace=False)
    return {name: draw_column(random, str(random.choice(kinds)), rows) for name in names}

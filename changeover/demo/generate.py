"""Makes raw training data of the shape of the two bodies in `data/`: texts as consumers send them, with a signal.

The data of the original exercise are not public. Each column is drawn from a distribution that fits its values in
the bodies; some of them decide, with noise, whether a customer is in the segment.

    python -m changeover.demo.generate --rows 1000 --seed 1 --out train.csv
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
TARGET: Final = "y"
NAMES: Final = [f"x{position}" for position in range(100)]
CURRENCY: Final = "x12"
PERCENT: Final = "x63"
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "x5": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "x31": ("america", "asia", "germany", "japan"),
    "x81": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "x82": ("Female", "Male"),
}
NUMBERS: Final = [name for name in NAMES if name not in CATEGORIES]
MISSING_SHARE: Final = {"number": 0.03, "category": 0.02}
SHARE_WITHOUT_SIGN: Final = 0.15  # amounts and percentages that are written plainly
SHARE_IN_OTHER_CASE: Final = 0.1  # categories that are written all in capitals, or all in small letters

# (mean, standard deviation) of a normal distribution where it is not (0, 1)
_NORMAL: Final[dict[str, tuple[float, float]]] = {
    **dict.fromkeys(("x1", "x65", "x71", "x79", "x21"), (0.0, 3.0)),
    **dict.fromkeys(("x2", "x30", "x80"), (4.7, 0.8)),
    **dict.fromkeys(("x26", "x76", "x96"), (2.2, 1.3)),
    **dict.fromkeys(("x18", "x68"), (-20.0, 0.9)),
    **dict.fromkeys(("x24", "x74", "x94"), (-100.0, 9.0)),
    **dict.fromkeys(("x40", "x41", "x42", "x43"), (100.0, 1000.0)),
    "x8": (2.8, 1.2),
    "x12": (1200.0, 4500.0),
    "x34": (-1.92, 0.07),
    "x38": (-1.5, 0.35),
    "x39": (-1.5, 0.4),
    "x98": (-32.6, 0.35),
    "x99": (-40.0, 50.0),
}
# (least, greatest) of a uniform distribution
_UNIFORM: Final[dict[str, tuple[float, float]]] = {
    **dict.fromkeys(("x10", "x17", "x28", "x67", "x78"), (14.0, 15.0)),
    **dict.fromkeys(("x23", "x37", "x73", "x93"), (3.0, 4.0)),
    **dict.fromkeys(("x6", "x9", "x13", "x16", "x19", "x22", "x27", "x29", "x32", "x44", "x66", "x69"), (0.0, 1.0)),
    **dict.fromkeys(("x72", "x77", "x91", "x92", "x97"), (0.0, 1.0)),
    **dict.fromkeys(("x20", "x70"), (0.05, 0.25)),
    "x33": (2.4, 3.0),
    "x63": (0.0, 100.0),
}
# the mean of an exponential distribution
_EXPONENTIAL: Final[dict[str, float]] = {"x7": 25.0, "x14": 20.0, "x64": 20.0, "x25": 0.7, "x75": 0.7, "x95": 0.8}

# what a standard deviation of a column adds to the log odds of the segment
_WEIGHTS: Final[dict[str, float]] = {
    "x12": 0.9, "x63": 0.8, "x3": -0.7, "x44": 0.7, "x53": 0.6, "x58": 0.6, "x56": 0.5, "x40": -0.5, "x8": 0.5,
    "x22": -0.5, "x83": 0.4, "x73": 0.4, "x99": -0.4, "x35": 0.4, "x14": 0.3, "x78": -0.3, "x91": 0.3, "x0": 0.3,
}  # fmt: skip
_CATEGORY_WEIGHTS: Final[dict[str, dict[str, float]]] = {
    "x5": {"saturday": 0.9, "sunday": 0.9, "monday": -0.5},
    "x31": {"germany": 0.6, "japan": -0.6},
    "x81": {"December": 1.0, "November": 0.6, "January": -0.6},
    "x82": {"Female": 0.8},
}
_BASE: Final = -1.6


def generate(rows: int, seed: int = 0, strength: float = 1.0) -> pd.DataFrame:
    """A raw frame of `rows` customers: x0..x99 as texts, and `y` (0 or 1).

    `strength` multiplies the signal: 0 makes `y` a matter of chance. The same arguments give the same frame.
    """
    random = np.random.default_rng(seed)
    spelling = np.random.default_rng([seed, 1])
    numbers = {name: _draw(name, rows, random) for name in NUMBERS}
    categories = {name: random.choice(np.array(values), size=rows) for name, values in CATEGORIES.items()}
    log_odds = np.full(rows, _BASE)
    for name, weight in _WEIGHTS.items():
        log_odds += strength * weight * _standard(name, numbers[name])
    for name, weights in _CATEGORY_WEIGHTS.items():
        for value, weight in weights.items():
            log_odds += strength * weight * (categories[name] == value)
    target = (random.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))).astype(int)
    columns: dict[str, list[str | None]] = {}
    for name in NAMES:
        if name in CATEGORIES:
            columns[name] = _in_some_case(categories[name].tolist(), spelling)
            _remove_some(columns[name], None, MISSING_SHARE["category"], random)
        else:
            columns[name] = _texts(name, numbers[name], random)
            _remove_some(columns[name], "nan", MISSING_SHARE["number"], random)
    return pd.DataFrame({**columns, TARGET: target})


def _draw(name: str, rows: int, random: np.random.Generator) -> Floats:
    if name in _UNIFORM:
        return random.uniform(*_UNIFORM[name], size=rows)
    if name in _EXPONENTIAL:
        return random.exponential(_EXPONENTIAL[name], size=rows)
    return random.normal(*_NORMAL.get(name, (0.0, 1.0)), size=rows)


def _standard(name: str, values: Floats) -> Floats:
    if name in _UNIFORM:
        least, greatest = _UNIFORM[name]
        return (values - (least + greatest) / 2) / ((greatest - least) / 12**0.5)
    if name in _EXPONENTIAL:
        return values / _EXPONENTIAL[name] - 1.0
    mean, deviation = _NORMAL.get(name, (0.0, 1.0))
    return (values - mean) / deviation


def _texts(name: str, values: Floats, random: np.random.Generator) -> list[str | None]:
    plainly = random.random(len(values)) < SHARE_WITHOUT_SIGN
    write: Callable[[float], str] = {CURRENCY: _amount, PERCENT: lambda value: f"{value:.2f}%"}.get(name, _plain)
    bare: Callable[[float], str] = (lambda value: f"{value:.2f}") if name in (CURRENCY, PERCENT) else _plain
    return [bare(value) if plain else write(value) for value, plain in zip(values.tolist(), plainly, strict=True)]


def _in_some_case(values: list[str], random: np.random.Generator) -> list[str | None]:
    way = random.random(len(values)) / SHARE_IN_OTHER_CASE
    return [
        value if drawn >= 1.0 else value.upper() if drawn < 0.5 else value.lower()
        for value, drawn in zip(values, way.tolist(), strict=True)
    ]


def _plain(value: float) -> str:
    return repr(round(value, 8))


def _amount(value: float) -> str:
    return f"(${-value:,.2f})" if value < 0 else f"${value:,.2f} "


def _remove_some(cells: list[str | None], missing: str | None, share: float, random: np.random.Generator) -> None:
    for position in np.flatnonzero(random.random(len(cells)) < share):
        cells[position] = missing


def main() -> None:
    """Write a CSV file by the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("train.csv"), help="the CSV file to write (train.csv)")
    parser.add_argument("--rows", type=int, default=4000, help="how many customers (4000)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of all that is random (0)")
    parser.add_argument("--strength", type=float, default=1.0, help="how strong the signal is (1.0)")
    options = parser.parse_args()
    generate(options.rows, options.seed, options.strength).to_csv(options.out, index=False)
    print(f"wrote {options.rows} rows to {options.out}")


if __name__ == "__main__":
    main()

"""A split of scikit-learn's wine data into a held-out test set and three slots that arrive one by one.

The split is seeded and stratified by class. Each slot after the first repeats some rows of the slot before it, as exports
do. A slot appears under its name only when it is complete.

    python -m examples.wine.cut --data .changeover/wine --slot 1
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from examples.wine.data import CLASSES, HELD_OUT, INPUTS, SLOTS, TARGET

SEED: Final = 0
SHARE_HELD_OUT: Final = 0.25
SHARE_OF_FIRST: Final = 0.2
REPEATED: Final = 4


@dataclass(frozen=True)
class Cut:
    """The held-out rows and the slots: all wines together; only the repeated rows are in two slots."""

    held_out: pd.DataFrame
    slots: tuple[pd.DataFrame, ...]


def cut(seed: int = SEED) -> Cut:
    """The split of a seed: equal seeds give equal splits."""
    data = load_wine(as_frame=True)
    wines = data.data[list(INPUTS)].assign(**{TARGET: [CLASSES[number] for number in data.target]})

    def split(rows: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
        first, second = train_test_split(rows, train_size=share, random_state=seed, stratify=rows[TARGET])
        return first, second

    held_out, rest = split(wines, SHARE_HELD_OUT)
    first, rest = split(rest, SHARE_OF_FIRST)
    second, third = split(rest, 0.5)
    return Cut(held_out, (first, pd.concat([first.tail(REPEATED), second]), pd.concat([second.tail(REPEATED), third])))


def with_wrong_labels(slot: pd.DataFrame) -> pd.DataFrame:
    """The slot with every class replaced by the next one, as if classes were numbered from one instead of zero."""
    following = dict(zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True))
    return slot.assign(**{TARGET: slot[TARGET].map(following)})


def keep_held_out(folder: Path, seed: int = SEED) -> Path:
    """Write the held-out rows into `folder` if they are missing: they must stay the same for all versions."""
    path = folder / HELD_OUT
    if not path.exists():
        _write(cut(seed).held_out, path)
    return path


def deliver(folder: Path, number: int, seed: int = SEED, *, wrong_labels: bool = False) -> Path:
    """Let slot `number` (from 1 on) arrive in `folder`."""
    slot = cut(seed).slots[number - 1]
    path = folder / SLOTS / f"slot-{number:02}.csv"
    _write(with_wrong_labels(slot) if wrong_labels else slot, path)
    return path


def _write(rows: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    rows.to_csv(part, index=False)
    part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".changeover/wine"), help="the folder (.changeover/wine)")
    parser.add_argument("--slot", type=int, choices=(1, 2, 3), help="the slot that arrives (none: held-out rows only)")
    parser.add_argument("--wrong-labels", action="store_true", help="the slot has every class replaced by the next one")
    parser.add_argument("--seed", type=int, default=SEED, help=f"the seed of the split ({SEED})")
    options = parser.parse_args()
    print(f"held out: {keep_held_out(options.data, options.seed)}")
    if options.slot:
        print(f"arrived: {deliver(options.data, options.slot, options.seed, wrong_labels=options.wrong_labels)}")


if __name__ == "__main__":
    main()

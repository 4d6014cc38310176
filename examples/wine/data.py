"""Files of wines with thirteen measurements and the class, read by one strict schema; slots become one table.

The names are those of scikit-learn's own wine data. A slot is read once: its digest is of the bytes that were read.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import pandas as pd
from sklearn.datasets import load_wine

from changeover.digest import sha256
from changeover.estimator.training_frame import read_frame
from changeover.exceptions import ChangeoverError, RequestFaults
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema

TARGET: Final = "class"
CLASSES: Final = ("class_0", "class_1", "class_2")
INPUTS: Final[tuple[str, ...]] = tuple(load_wine().feature_names)
SCHEMA: Final = Schema(
    (*(Column(name) for name in INPUTS), Column(TARGET, ColumnType.STRING, enum=CLASSES)),
)
SLOTS: Final = "slots"
HELD_OUT: Final = "held_out.csv"


class BadSlot(ChangeoverError):
    """A file that is no table of wines; the message names the file and, if known, the row and the column."""


@dataclass(frozen=True)
class Merged:
    """All slots as one table without repeated rows; `repeated` is the number of dropped rows."""

    wines: pd.DataFrame
    repeated: int


def slots_in(folder: Path) -> dict[str, bytes]:
    """The slots that arrived in `folder`, by name, in the order of their names. Raises OSError."""
    return {path.name: path.read_bytes() for path in sorted((folder / SLOTS).glob("*.csv"))}


def digests(slots: dict[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each slot, by name, by which a run finds new data."""
    return {name: sha256(content) for name, content in slots.items()}


def merge(slots: dict[str, bytes]) -> Merged:
    """One table of all slots; raises BadSlot."""
    wines = pd.concat([read(content, name) for name, content in slots.items()], ignore_index=True)
    different = wines.drop_duplicates(ignore_index=True)
    return Merged(different, len(wines) - len(different))


def read(content: bytes, name: str) -> pd.DataFrame:
    """The table in a CSV file; raises BadSlot."""
    try:
        raw = pd.read_csv(BytesIO(content), dtype=str, keep_default_na=False)
        wines = read_frame(raw, SCHEMA)
    except RequestFaults as error:
        raise BadSlot(f"{name}: {error}") from error
    except ValueError as error:  # what pandas raises for bytes that are no CSV, and for no bytes at all
        raise BadSlot(f"{name} is no CSV file: {error}") from error
    if wines.empty:
        raise BadSlot(f"{name} has no rows")
    return wines

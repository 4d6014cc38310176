"""The reference of a version: the bins of each column and of the answers, with the counts of the reference rows.

The bins are fixed when the version is published. So everything that is counted later is a vector of integers, and vectors
of threads, workers and hours are added without error. `docs/drift.md` describes it.
"""

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from changeover.exceptions import InvalidManifest
from changeover.json_documents import read_document
from changeover.json_types import JsonObject

MOST_COLUMNS: Final = 500
LARGEST: Final = 192 * 1024  # bytes of JSON: a manifest has to fit into a response of 4 MiB
MOST_BINS: Final = 400  # of one column
BELOW_AND_ABOVE: Final = 2
MISSING: Final = 1

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Cell = str | int | float | bool


class Numbers(msgspec.Struct, frozen=True, tag_field="kind", tag="number"):
    """The bins of numbers: `counts` are those below `least`, those of each bin, those above `most`, and missing ones.

    Bin i has the values up to and with `edges[i]`; the last bin has the rest. `scale` is the standard deviation of the
    reference. `values` has the value of each bin, if each bin has one.
    """

    edges: list[float]
    counts: list[_Count]
    least: float
    most: float
    scale: float = 0.0
    values: list[float] = []

    @property
    def slots(self) -> int:
        """The number of counts."""
        return len(self.edges) + 1 + BELOW_AND_ABOVE + MISSING


class Categories(msgspec.Struct, frozen=True, tag_field="kind", tag="category"):
    """The bins of categories: `counts` are those of each value, of other known values, of new values, and missing ones.

    `others` are values that the reference has and the schema does not list.
    """

    values: list[_Cell]
    counts: list[_Count]
    others: list[_Cell] = []

    @property
    def slots(self) -> int:
        """The number of counts."""
        return len(self.values) + 3


class Texts(msgspec.Struct, frozen=True, tag_field="kind", tag="text"):
    """A column of free texts or times: `counts` are those with a value, and missing ones."""

    counts: list[_Count]

    @property
    def slots(self) -> int:
        """The number of counts."""
        return 2


Variable = Numbers | Categories | Texts


class Predictions(msgspec.Struct, frozen=True):
    """The bins of answers. `n` is the number of reference answers: with 0 there are bins only, and nothing to compare."""

    n: _Count
    variables: dict[str, Variable]


class Reference(msgspec.Struct, frozen=True):
    """The reference of a version: `n` rows, the bins of each column by its name, and those of the answers.

    `origin` is what the rows are: given as the reference, or the example of the publish. `left_out` is the number of
    columns beyond MOST_COLUMNS.
    """

    n: _Count
    columns: dict[str, Variable]
    predictions: Predictions | None = None
    origin: Literal["reference", "example"] = "reference"
    left_out: _Count = 0

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `read_reference`."""
        body: JsonObject = msgspec.to_builtins(self)
        return body


@dataclass(frozen=True)
class Part:
    """The part of a vector of counts that one variable has. `of_predictions`: it is one of the answers'."""

    name: str
    variable: Variable
    start: int
    of_predictions: bool = False

    @property
    def stop(self) -> int:
        """The index after its last count."""
        return self.start + self.variable.slots

    def of(self, counts: Sequence[int]) -> Sequence[int]:
        """Its counts in a vector."""
        return counts[self.start : self.stop]


def read_reference(body: object) -> Reference:
    """Read the member `reference` of a manifest; raises InvalidManifest naming the member at fault."""
    reference = read_document(body, Reference, "manifest.reference", InvalidManifest)
    if len(reference.columns) > MOST_COLUMNS:
        raise InvalidManifest(f"manifest.reference has {len(reference.columns)} columns, at most {MOST_COLUMNS}")
    for part in parts(reference):
        _check(part)
    size = len(msgspec.json.encode(reference))
    if size > LARGEST:
        raise InvalidManifest(f"manifest.reference has {size} bytes, at most {LARGEST}: leave columns out of it")
    return reference


def _check(part: Part) -> None:
    """Raise InvalidManifest for counts or edges that do not fit."""
    variable, name = part.variable, f"manifest.reference, {part.name!r}"
    if len(variable.counts) != variable.slots or variable.slots > MOST_BINS:
        raise InvalidManifest(f"{name}: {len(variable.counts)} counts for {variable.slots} bins, {MOST_BINS} at most")
    if isinstance(variable, Numbers):
        limits = [variable.least, *variable.edges, variable.most]
        if not all(map(math.isfinite, [*limits, variable.scale])) or limits != sorted(limits):
            raise InvalidManifest(f"{name}: the edges of bins ascend from the least to the greatest number")
        if variable.values and len(variable.values) != len(variable.edges) + 1:
            raise InvalidManifest(f"{name}: {len(variable.values)} values for {len(variable.edges) + 1} bins")


def parts(reference: Reference) -> list[Part]:
    """The parts of a vector of counts, in their order: the columns by name, then the answers by name."""
    return list(_parts(reference))


def _parts(reference: Reference) -> Iterator[Part]:
    start = 0
    predictions = reference.predictions.variables if reference.predictions else {}
    for variables, of_predictions in ((reference.columns, False), (predictions, True)):
        for name, variable in sorted(variables.items()):
            yield Part(name, variable, start, of_predictions)
            start += variable.slots


def length(reference: Reference) -> int:
    """The length of a vector of counts."""
    return sum(part.variable.slots for part in parts(reference))


def counts_of(reference: Reference) -> list[int]:
    """The counts of the reference rows, as a vector."""
    return [count for part in parts(reference) for count in part.variable.counts]


def digest_of(reference: Reference) -> str:
    """A digest of the bins and counts: vectors of counts belong together if it is the same."""
    return hashlib.sha256(msgspec.json.encode(reference, order="sorted")).hexdigest()[:16]


@lru_cache(maxsize=4096)
def labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """The names of bins with these edges, for people."""
    if not edges:
        return ("any number",)
    inner = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    return (f"up to {edges[0]:.4g}", *inner, f"above {edges[-1]:.4g}")

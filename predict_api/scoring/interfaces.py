"""The interfaces of scoring: the rows of a request, scorers, a prepared version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.prediction.render import Scored


class Runtime(StrEnum):
    """What computed an answer: a version's proven twin, or the estimator itself."""

    ONNX = "onnx"
    SKLEARN = "sklearn"


@dataclass(frozen=True)
class Computed:
    """The scores of some rows, and by what they were computed."""

    scores: Scored
    runtime: Runtime


class Asked(Protocol):
    """The rows of one request, typed: `decode.Decoded` or `typed_rows.TypedRows`."""

    @property
    def single(self) -> bool:
        """Whether it was one row in the single shape."""

    @property
    def rows(self) -> int:
        """How many there are."""

    @property
    def columns(self) -> Mapping[str, Sequence[Cell]]:
        """A list of cells for each column of the schema."""


class Reader(Protocol):
    """The reader of the bodies of requests for one version."""

    def read(self, body: bytes, max_rows: int) -> Asked:
        """The typed rows in `body`; raises NotJson, RequestFaults, or TooManyRows past `max_rows`."""


class Scorer(Protocol):
    """What computes the answers of one version."""

    def score(self, asked: Asked) -> Computed:
        """The scores of the rows; raises ScoringFailed."""


@dataclass(frozen=True)
class Prepared:
    """A version that is verified, loaded, replayed and warm."""

    version: str
    scorer: Scorer
    schema: Schema
    manifest: Manifest
    reader: Reader

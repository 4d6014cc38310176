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
    """The runtime that computed scores: the version's ONNX twin, or its estimator."""

    ONNX = "onnx"
    SKLEARN = "sklearn"


@dataclass(frozen=True)
class Computed:
    """The scores of some rows, and the runtime that computed them."""

    scores: Scored
    runtime: Runtime


class Asked(Protocol):
    """The typed rows of one request: `Decoded` of `changeover/request/decode.py`, or `TypedRows` of the fast reader."""

    @property
    def single(self) -> bool:
        """Whether the body was a single object, and not a batch."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    @property
    def columns(self) -> Mapping[str, Sequence[Cell]]:
        """The cells of each column, by its name."""


class Reader(Protocol):
    """The reader of the bodies of requests for one version."""

    def read(self, body: bytes, max_rows: int) -> Asked:
        """The typed rows in `body`; raises NotJson, RequestFaults, or TooManyRows past `max_rows`."""


class Scorer(Protocol):
    """The scorer of one version."""

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

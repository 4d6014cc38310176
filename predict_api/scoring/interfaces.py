"""The interfaces of scoring: the rows of a request, scorers, a prepared version."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.json_types import Json
from changeover.manifest.manifest import Manifest
from changeover.request.cells import Columns
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema


class RequestRows(Protocol):
    """The typed rows of one request: `Decoded` of `changeover/request/decode.py`, or what a fast reader made."""

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
    """The reader of requests for one version."""

    @property
    def schema(self) -> Schema:
        """The schema of the version."""

    def read_plain(self, body: bytes, max_rows: int, names: tuple[str, ...] | None = None) -> RequestRows | None:
        """The rows of plain JSON, or None for a body that has to be parsed with care; raises TooManyRows.

        With `names`, an array of arrays with the cells of these columns.
        """

    def read(self, body: bytes, max_rows: int) -> RequestRows:
        """The typed rows in `body`; raises NotJson, RequestFaults, or TooManyRows past `max_rows`."""

    def read_rows(self, value: Json, max_rows: int) -> RequestRows:
        """The typed rows in a value of JSON; raises RequestFaults, or TooManyRows past `max_rows`."""

    def read_columns(self, columns: Columns, max_rows: int) -> RequestRows:
        """The typed rows in columns; raises RequestFaults, or TooManyRows past `max_rows`."""


class Turn(Protocol):
    """The turn of a request among large ones."""

    def lent_after(self, seconds: float) -> AbstractContextManager[None]:
        """The context in which another request may have the turn after `seconds`: this one computes nothing here."""


class Scorer(Protocol):
    """The scorer of one version."""

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The scores of the rows; `turn` is lent while another process computes for long.

        Raises ScoringFailed, or RowsNotAnswered, which names rows.
        """


@dataclass(frozen=True)
class Prepared:
    """A version that is verified, loaded, replayed and warm."""

    manifest: Manifest
    scorer: Scorer
    reader: Reader

    @property
    def version(self) -> str:
        """The SHA-256 of the artifact."""
        return self.manifest.version

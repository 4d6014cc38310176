"""The interfaces of scoring: the rows of a request, scorers, a prepared version."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
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


class Counted(Protocol):
    """The place for answered rows that are counted later (`predict_api/drift/pending.py`)."""

    def add(self, rows: RequestRows, scores: Scores) -> None:
        """Add the rows of a request and their scores; never waits."""


class Sampled(Protocol):
    """The place for answered rows by which another version is rehearsed (`predict_api/rehearsal/sample.py`)."""

    def add(self, rows: RequestRows, scores: Scores, took_s: float) -> None:
        """Add the rows of a request, their scores, and the seconds that these took; never waits."""

    def failed(self) -> None:
        """Note a request that the model did not answer; never waits."""


class Several:
    """Several places together."""

    def __init__(self, places: tuple[Sampled, ...]) -> None:
        self.places = places

    def add(self, rows: RequestRows, scores: Scores, took_s: float) -> None:
        """Add the rows of a request and their scores to each."""
        for place in self.places:
            place.add(rows, scores, took_s)

    def failed(self) -> None:
        """Note a request that the model did not answer in each."""
        for place in self.places:
            place.failed()


class Tap:
    """The place where a rehearsal and a watch look at answers; `sample` is None without one, which is nearly always.

    The replica calls `join` and `leave` under its lock; requests read `sample`.
    """

    __slots__ = ("_places", "sample")

    def __init__(self) -> None:
        self.sample: Sampled | None = None
        self._places: tuple[Sampled, ...] = ()

    def join(self, place: Sampled) -> None:
        """Give answers to `place` from now on."""
        self._set((*self._places, place))

    def leave(self, place: Sampled) -> None:
        """Give none to it any more."""
        self._set(tuple(each for each in self._places if each is not place))

    def _set(self, places: tuple[Sampled, ...]) -> None:
        self._places = places
        self.sample = None if not places else places[0] if len(places) == 1 else Several(places)


@dataclass(frozen=True)
class Prepared:
    """A version that is verified, loaded, replayed and warm; `counted` is None if its rows are not counted."""

    manifest: Manifest
    scorer: Scorer
    reader: Reader
    counted: Counted | None = None
    tap: Tap = field(default_factory=Tap, compare=False)

    @property
    def version(self) -> str:
        """The SHA-256 of the artifact."""
        return self.manifest.version

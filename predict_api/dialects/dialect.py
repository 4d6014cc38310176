"""A dialect: how the clients of another server ask for predictions, and what they read.

A dialect only translates. Its calls go the way of `/predict`: the freshness check, the limit for large bodies, scoring,
headers, metrics and the log are the same. It sees the schema of a model, and never the model.

To add one:
1. Write `predict_api/dialects/<name>.py` with three pure functions and a `Dialect` of them:
   `read(call, schema, max_rows) -> Ask`, `write(scores, ask, attribution) -> Reply`, `fault(problem) -> Reply`.
   `read` gives the cells as lists or arrays for each column (fast), or as rows of JSON. It leaves the cells unchecked:
   `changeover/request/columns.py` and `decode.py` check them. It raises InvalidCall for a body that is no request of the
   dialect, NotJson for what is no JSON, RequestFaults for what can be named by its row or column, and UnsupportedBody
   for a content type.
2. Add its name to `names.py` and the `Dialect` to `known.py`. `predict_api/routes/dialects.py` then answers its calls.
3. Its other calls, such as metadata, are a blueprint: `predict_api/routes/<name>.py`, listed in `predict_api/app.py`.
4. Describe its calls for `/openapi.json` in `predict_api/openapi/<name>.py`, listed in `predict_api/openapi/dialects.py`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.json_types import Json
from changeover.manifest.manifest import Manifest
from changeover.request.cells import Columns
from changeover.schema.schema import Schema

Wants = TypeVar("Wants")
Problem = Mapping[str, Any]


class Headers(Protocol):
    """The headers of a request; names in any case."""

    def get(self, name: str, default: str, /) -> str:
        """The value of one header, or `default`."""


class Call(NamedTuple):
    """A call for predictions: its body and headers, and the named groups of `Dialect.calls` in its path."""

    body: bytes
    headers: Headers
    path: Mapping[str, str | None]


class PlainJson(NamedTuple):
    """Rows in a form of `/predict`, a part of a body: the fast path reads them, or `otherwise` gives the cells.

    With `names` they are an array of arrays, with the cells of these columns.
    """

    body: bytes
    otherwise: Callable[[], "Ask[Any]"]
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Ask(Generic[Wants]):
    """What a call asks for: the cells, by column or as rows; options of the model; what its `write` needs to know."""

    cells: Columns | list[Json] | PlainJson
    wants: Wants
    options: Options = PLAIN


class Attribution(NamedTuple):
    """The version that answers, and the id of the request."""

    manifest: Manifest
    sequence: int
    request_id: str


class Reply(NamedTuple):
    """A response. Its headers are those of the dialect; `Model-Version` and the like are added to them."""

    body: bytes
    headers: Sequence[tuple[str, str]] = (("Content-Type", "application/json"),)
    status: int = 200


@dataclass(frozen=True)
class Dialect(Generic[Wants]):
    """One dialect.

    `paths` are its paths; one that ends with a slash stands for every path below it. So are the paths with one of `endings`.

    `calls` matches the paths of predictions. Its group `model` is the name of the model, and the default model answers
    without one. Its group `version` is a hash of the version, or its first 8 digits or more, and its group `sequence`
    a number of the ledger: if that is not current, the answer is a 404.

    `read` and `write` see good requests. `fault` words a problem of RFC 9457, which has `status`, `detail` and `errors`
    among others, for clients of the dialect.
    """

    name: str
    paths: tuple[str, ...]
    calls: re.Pattern[str]
    read: Callable[[Call, Schema, int], Ask[Wants]]
    write: Callable[[Scores, Ask[Wants], Attribution], Reply]
    fault: Callable[[Problem], Reply]
    endings: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether `path` is one of the dialect's."""
        return path in self.paths or path.startswith(self._below) or path.endswith(self.endings)

    @cached_property
    def _below(self) -> tuple[str, ...]:
        return tuple(known for known in self.paths if known.endswith("/"))

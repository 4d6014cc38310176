"""The forms of requests and answers of `/predict` beside JSON: CSV, and Arrow streams with the extra `arrow`.

pyarrow is imported by the first request that needs it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Final, NamedTuple

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from changeover.request.cells import Columns
from changeover.request.csv_columns import read_csv
from changeover.schema.schema import Schema
from predict_api.exceptions import NotAcceptable, UnsupportedBody
from predict_api.prediction.render_csv import render_csv

CSV_TYPE: Final = "text/csv"
ARROW_TYPE: Final = "application/vnd.apache.arrow.stream"
_EXTRA: Final = "which needs the extra arrow on the server: pip install 'changeover[arrow]'"


class BodyLimits(NamedTuple):
    """The limits of one request: MAX_ROWS, and MAX_BODY_BYTES, which also holds for what a body unpacks to."""

    rows: int
    size: int


Read = Callable[[bytes, Schema, BodyLimits], Columns]
Render = Callable[[Scores, Manifest], bytes]


class Forms(NamedTuple):
    """How a request is read and how its answer is rendered; None stands for JSON."""

    read: Read | None = None
    render: Render | None = None


JSON: Final = Forms()


def has_arrow() -> bool:
    """Whether the extra `arrow` is installed."""
    return find_spec("pyarrow") is not None


def reader_of(content_type: str, parameters: Mapping[str, str]) -> Read | None:
    """How a body of this type is read, or None for a type that is not known here; raises UnsupportedBody."""
    if content_type == CSV_TYPE:
        return partial(_read_csv, header=parameters.get("header", "present").lower() != "absent")
    if content_type != ARROW_TYPE:
        return None
    if not has_arrow():
        raise UnsupportedBody(f"the body has Content-Type {content_type!r}, {_EXTRA}")
    return _read_arrow


def renderer_of(content_type: str) -> Render | None:
    """How an answer of this type is rendered, or None for JSON; raises NotAcceptable."""
    if content_type == CSV_TYPE:
        return render_csv
    if content_type != ARROW_TYPE:
        return None
    if not has_arrow():
        raise NotAcceptable(f"an answer of the type {content_type!r} was asked for, {_EXTRA}")
    return _render_arrow


def _read_csv(body: bytes, schema: Schema, limits: BodyLimits, *, header: bool) -> Columns:
    return read_csv(body, schema, limits.rows, header=header)


def _read_arrow(body: bytes, schema: Schema, limits: BodyLimits) -> Columns:
    from changeover.request.arrow_columns import read_arrow

    return read_arrow(body, schema, limits.rows, limits.size)


def _render_arrow(scores: Scores, manifest: Manifest) -> bytes:
    from predict_api.prediction.render_arrow import render_arrow

    return render_arrow(scores, manifest)


ARROW: Final = Forms(_read_arrow, _render_arrow)

"""The geometry of the charts: points and rectangles as numbers, which the templates draw as inline SVG."""

from collections.abc import Sequence
from typing import Final

from model_server.console.parts import Page

WIDTH: Final = 160.0
HEIGHT: Final = 36.0
BINS_HEIGHT: Final = 50.0
_EDGE: Final = 4.0


def line(values: Sequence[float], marked: int | None = None) -> Page:
    """A line over `values`: its points for `polyline`, the last point and the marked one as (x, y)."""
    least, most = min(values, default=0.0), max(values, default=0.0)
    step = (WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    points = [
        (round(_EDGE + position * step, 1), round(_height(value, least, most), 1))
        for position, value in enumerate(values)
    ]
    if len(points) == 1:
        points = [(WIDTH / 2, HEIGHT / 2)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "points": " ".join(f"{x:g},{y:g}" for x, y in points),
        "last": points[-1] if points else None,
        "marked": points[marked] if marked is not None else None,
    }


def _height(value: float, least: float, most: float) -> float:
    share = (value - least) / (most - least) if most > least else 0.5
    return HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE)


def bars_of(bins: Sequence[Page]) -> list[Page]:
    """The pairs of rectangles of the bins of a column, each with its `bin` and its shares."""
    before, now = ([each[side] for each in bins] for side in ("share_before", "share"))
    pairs = bars(before, now, height=BINS_HEIGHT)
    return [pair | each for pair, each in zip(pairs, bins, strict=True)]


def bars(before: Sequence[float], after: Sequence[float], width: float = 240.0, height: float = 70.0) -> list[Page]:
    """Two distributions over the same bins as pairs of rectangles; shares of 1, scaled to the tallest."""
    tallest = max([*before, *after], default=0.0) or 1.0
    slot = width / max(1, len(before))
    return [
        {
            "x": round(position * slot, 1),
            "bar": round(slot * 0.4, 1),
            "old": round(height * old / tallest, 1),
            "new": round(height * new / tallest, 1),
        }
        for position, (old, new) in enumerate(zip(before, after, strict=True))
    ]

"""The versions of a model on a page: newest first, paged by a cursor, with each metric as a line over versions."""

from collections.abc import Sequence
from typing import Final

from changeover.protocol.wire import VersionState
from model_server.console.charts import line
from model_server.console.parts import Page, Parts
from model_server.rollouts.model_state import ModelState
from model_server.versions.version_index import Listed

ROWS: Final = 12
MOST_LINES: Final = 3
LINE_VERSIONS: Final = 60


def versions(parts: Parts, state: ModelState, before: str | None) -> Page:
    """One page of versions; `before` is the last version of the page before. Raises StoreError."""
    index, current = parts.index, state.current
    rolled, previous = parts.rolled(state), state.entry.previous if state.entry else None
    listed = index.newest(state.name, ROWS + 1, before)
    rows = []
    for each in listed[:ROWS]:
        known = VersionState.RETIRED if each.version in rolled else VersionState.ADMITTED
        if parts.versions.tombstones.stands(state.name, each.version):
            known = VersionState.REMOVED
        version_state = VersionState.CURRENT if current and each.version == current.version else known
        rows.append({**row(each), "state": str(version_state), "previous": each.version == previous})
    return {
        "rows": rows,
        "next": listed[ROWS - 1].version if len(listed) > ROWS else None,
        "total": index.count(state.name),
        "complete": index.complete(state.name),
        "rejected": len(index.rejections(state.name)),
        "lines": metric_lines(index.newest(state.name, LINE_VERSIONS), current.version if current else None),
    }


def row(each: Listed) -> Page:
    """A version in a list."""
    return {
        "version": each.version,
        "created_at": each.created_at,
        "size": each.size,
        "metrics": each.metrics,
        "description": each.description,
        "by": each.by,
    }


def metric_lines(newest_first: Sequence[Listed], current: str | None) -> list[Page]:
    """A line for each of the first metrics of the newest version, oldest version left; the current one is marked."""
    names = list(newest_first[0].metrics)[:MOST_LINES] if newest_first else []
    lines = []
    for name in names:
        having = [each for each in reversed(newest_first) if name in each.metrics]
        values = [each.metrics[name] for each in having]
        marked = next((position for position, each in enumerate(having) if each.version == current), None)
        lines.append(
            {
                "name": name,
                "values": values,
                "newest": values[-1],
                "least": min(values),
                "most": max(values),
                "chart": line(values, marked),
            }
        )
    return lines

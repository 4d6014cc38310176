"""The pages about all models: their list, and the uploads that were refused."""

from collections.abc import Callable
from heapq import merge
from itertools import islice
from typing import Final

from model_server.console.live import verdict_of
from model_server.console.parts import Page, Parts
from model_server.rollouts.model_state import ModelState

ROWS: Final = 50
REFUSED_ROWS: Final = 30


def overview(parts: Parts, may_use: Callable[[str], bool], after: str | None, search: str | None) -> Page:
    """One page of models by name; `after` is the last name of the page before. Raises StoreError."""
    states = [state for state in parts.models.all() if may_use(state.name) and (not search or search in state.name)]
    rest = [state for state in states if not after or state.name > after]
    return {
        "rows": [_row(parts, state) for state in rest[:ROWS]],
        "next": rest[ROWS - 1].name if len(rest) > ROWS else None,
        "total": len(states),
        "search": search or "",
    }


def _row(parts: Parts, state: ModelState) -> Page:
    verdict, entry, rollout = verdict_of(state), state.entry, state.rollout
    listed = parts.index.find(state.name, entry.version) if entry else None
    ended = parts.ended(state)
    aborted = bool(ended) and not ended[0].committed and ended[0].rollout.id not in state.seen
    return {
        "model": state.name,
        "default": state.name == parts.default_model,
        "pinned": parts.pins.get(state.name) is not None,
        "verdict": {"level": verdict.level, "word": verdict.word, "sentence": verdict.sentence},
        "current": None if entry is None else entry.to_json(),
        "description": listed.description if listed else "",
        "estimator": listed.estimator if listed else "",
        "metrics": listed.metrics if listed else {},
        "rolling": None if rollout is None else rollout.to_json(),
        "aborted": ended[0].rollout.to_json() if aborted else None,
        "versions": parts.index.count(state.name),
        "rejected": len(parts.index.rejections(state.name)),
    }


def refused(parts: Parts, may_use: Callable[[str], bool], before: str | None) -> Page:
    """One page of the uploads of the reader's models that failed admission, newest first."""
    lists = [parts.index.rejections(model) for model in parts.index.models() if may_use(model)]
    newest_first = merge(*lists, key=lambda rejection: rejection.created_at, reverse=True)
    bodies = [
        {**rejection.to_json(), "cursor": f"{rejection.created_at}~{rejection.name}"} for rejection in newest_first
    ]
    older = (body for body in bodies if not before or str(body["cursor"]) < before)
    rows = list(islice(older, REFUSED_ROWS + 1))
    return {
        "rows": rows[:REFUSED_ROWS],
        "next": rows[REFUSED_ROWS - 1]["cursor"] if len(rows) > REFUSED_ROWS else None,
        "total": len(bodies),
    }

"""The ledger on a page: one line for each ended rollout, newest first, paged by a cursor."""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import Final

from changeover.process.clock import parse_rfc3339
from model_server.console.parts import Page, Parts
from model_server.console.words import seconds_between
from model_server.exceptions import MalformedRequest
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.past import Ended

ROWS: Final = 20
AUDIT_ROWS: Final = 50


def history(parts: Parts, state: ModelState, before: str | None, day: str | None, at: str | None) -> Page:
    """One page of a model's ledger. `day` is `2026-11-26`, `at` an RFC 3339 time or one of UTC without a zone.

    Raises MalformedRequest or StoreError.
    """
    ended = parts.ended(state)
    wanted = [each for each in ended if each.rollout.rolled_at.startswith(_day(day))] if day else ended
    page = _page(wanted, before, ROWS)
    return {**page, "total": len(ended), "day": day or "", "at": None if not at else _at(ended, at)}


def audit(parts: Parts, may_use: Callable[[str], bool], before: str | None) -> Page:
    """One page of the ledgers of the reader's models; raises StoreError."""
    lists = [parts.ended(state) for state in parts.models.all() if may_use(state.name)]
    older = (
        each for each in merge(*lists, key=lambda each: each.cursor, reverse=True) if not before or each.cursor < before
    )
    rows = list(islice(older, AUDIT_ROWS + 1))
    return {
        "rows": [_row(each) for each in rows[:AUDIT_ROWS]],
        "next": rows[AUDIT_ROWS - 1].cursor if len(rows) > AUDIT_ROWS else None,
        "total": sum(map(len, lists)),
    }


def _page(ended: Sequence[Ended], before: str | None, count: int) -> Page:
    older: Iterable[Ended] = (each for each in ended if not before or each.cursor < before)
    rows = list(islice(older, count + 1))
    return {
        "rows": [_row(each) for each in rows[:count]],
        "next": rows[count - 1].cursor if len(rows) > count else None,
    }


def _row(each: Ended) -> Page:
    rollout = each.rollout
    return {
        **rollout.to_json(),
        "committed": each.committed,
        "until": each.until,
        "live_s": seconds_between(rollout.rolled_at, each.until) if each.until else None,
    }


def _day(day: str) -> str:
    if len(day) != 10 or any(not (character.isdigit() or character == "-") for character in day):
        raise MalformedRequest(f"?day={day!r} is no day: write it like 2026-01-31")
    return day


def _at(ended: Sequence[Ended], text: str) -> Page:
    """The rollout that was the newest committed one at a time."""
    try:
        moment = parse_rfc3339(text if text.endswith("Z") or "+" in text else f"{text}Z")
    except ValueError as error:
        raise MalformedRequest(f"?at={text!r} is no time: write it like 2026-01-31T12:00:00Z") from error
    found = next((each for each in ended if each.committed and parse_rfc3339(each.rollout.rolled_at) <= moment), None)
    return {"time": text, "rollout": _row(found) if found else None}

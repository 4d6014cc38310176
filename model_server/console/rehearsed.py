"""The rehearsal of a rollout under way, for the live part of a model's page."""

from changeover.protocol.rehearsal_counts import MILLISECONDS, MOVES, RehearsalCounts, quantile_ms
from model_server.console.parts import Page
from model_server.rollouts.rehearsal import Rehearsal, lower_limit, upper_limit


def rehearsed(rehearsal: Rehearsal, counts: RehearsalCounts, now: float) -> Page:
    """What was counted so far. `low` and `high` are the limits that the share lies within, at 95 % each."""
    rows, differing = counts.rows, counts.differing
    return {
        "seconds": rehearsal.seconds,
        "left_s": round(rehearsal.left(now), 1),
        "over": rehearsal.over,
        "line": rehearsal.line,
        "rows": rows,
        "differing": differing,
        "failed": counts.failed,
        "share": differing / rows if rows else None,
        "low": lower_limit(differing, rows) if rows else 0.0,
        "high": upper_limit(differing, rows) if rows else 1.0,
        "moves": _bins(MOVES, counts.moves),
        "new_ms": quantile_ms(counts.new_ms, 0.95),
        "current_ms": quantile_ms(counts.current_ms, 0.95),
        "slowest_bin_ms": MILLISECONDS[-1],
        "unable": counts.unable,
    }


def _bins(ends: tuple[float, ...], counts: tuple[int, ...]) -> list[Page]:
    """Each bin with its upper end, None for the open one, and its share."""
    total = sum(counts)
    return [
        {"end": end, "count": count, "share": count / total if total else 0.0}
        for end, count in zip((*ends, None), counts, strict=True)
    ]

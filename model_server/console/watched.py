"""The watch after a switch, for the live part of a model's page: what was counted before the switch and since."""

from changeover.protocol.rehearsal_counts import MILLISECONDS
from changeover.protocol.watch_counts import WatchCounts
from model_server.console.parts import Page
from model_server.rollouts import watch_answers, watch_latency
from model_server.rollouts.watch import FEWEST, Watch


def watched(watch: Watch, counts: WatchCounts, now: float) -> Page:
    """The counts of each line. A line that has nothing to compare with is None; shares are from 0 to 1."""
    return {
        "seconds": watch.seconds,
        "left_s": round(watch.left(now), 1),
        "before": counts.before,
        "after": counts.after,
        "fewest": FEWEST,
        "failures": {"before": counts.before_failed, "after": counts.after_failed, "line": watch.line(counts)},
        "latency": _latency(counts),
        "labels": _labels(counts),
    }


def _latency(counts: WatchCounts) -> Page | None:
    """The requests that took longer than the limit; None if there are too few before the switch for one."""
    index = watch_latency.limit(counts.before_ms)
    if index is None:
        return None
    return {
        "limit_ms": MILLISECONDS[index],
        "before": watch_latency.slow(counts.before_ms, index),
        "after": watch_latency.slow(counts.after_ms, index),
        "of_before": sum(counts.before_ms),
        "of_after": sum(counts.after_ms),
        "line": watch_latency.SLOW,
    }


def _labels(counts: WatchCounts) -> Page | None:
    """The label whose share moved most; None without answers on both sides."""
    shares = watch_answers.moved_most(counts.before_labels, counts.after_labels)
    if shares is None:
        return None
    return {
        "before": shares[0],
        "after": shares[1],
        "of_before": sum(counts.before_labels),
        "of_after": sum(counts.after_labels),
        "line": watch_answers.MOVE,
    }

"""The table of ratios as Markdown, and the servers that are not in it."""

import os
import platform

from benchmarks.peers.comparison import Comparison
from benchmarks.peers.rounds import Measured, Spread, latencies_beside, rates_beside

HEAD = (
    "| model | server | requests/s at 32 connections, x hello | p50 at 1 connection, x hello | Changeover answers "
    "| requests/s | p50 ms | memory MB, resident (shared once) |\n|---|---|---|---|---|---|---|---|"
)


def show(ratio: Spread) -> str:
    """The median, and in brackets the least and the greatest round."""
    digits = 3 if ratio.median < 0.1 else 2 if ratio.median < 10 else 1
    return f"{ratio.median:.{digits}f} ({ratio.least:.{digits}f} to {ratio.greatest:.{digits}f})"


def rows(measured: list[Measured]) -> list[str]:
    """The rows of one model: the yardstick first, then by requests a second."""
    by_key = {one.served.peer.key: one for one in measured}
    hello, ours = by_key.get("hello"), by_key.get("changeover")
    lines = []
    for one in sorted(measured, key=lambda each: (not each.served.peer.is_yardstick, -_rate(each))):
        peer = one.served.peer
        notes = [*one.served.notes, *([f"{one.wrong} requests failed"] if one.wrong else [])]
        name = f"{peer.title} ({'; '.join([one.served.versions, *notes])})"
        relative = [show(rates_beside(one, hello)), show(latencies_beside(one, hello))] if hello else ["", ""]
        faster = f"x {show(rates_beside(ours, one))}" if ours and peer.is_peer else ""
        memory = f"{one.resident_mb:.0f} ({one.proportional_mb:.0f})"
        cells = [one.model, name, *relative, faster, f"{_rate(one):.0f}", f"{_p50(one):.2f}", memory]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def best(measured: list[Measured]) -> list[str]:
    """A sentence for each model: Changeover against the fastest peer, without and with batching."""
    lines = []
    for ours in (one for one in measured if one.served.peer.is_ours):
        peers = [one for one in measured if one.served.peer.is_peer]
        plain = [one for one in peers if not one.served.peer.key.endswith("-batching")]
        for which, group in (
            ("peer", plain),
            ("peer with its batching on", [one for one in peers if one not in plain]),
        ):
            if group:
                first = max(group, key=_rate)
                ratio = show(rates_beside(ours, first))
                lines.append(
                    f"{ours.model}: {ours.served.peer.title} / best {which} ({first.served.peer.title}): x {ratio}"
                )
    return lines


def table(models: list[list[Measured]], comparison: Comparison, rounds: int, seconds: float, generator: str) -> str:
    """The whole output: the table, the comparisons and the notes."""
    lines = [HEAD, *(row for measured in models for row in rows(measured)), ""]
    lines += [sentence for measured in models for sentence in best(measured)]
    for where, why in comparison.absent.items():
        lines.append(f"not measured: {where}: {why}")
    for one in (one for measured in models for one in measured if one.idle_share > 0.02):
        lines.append(f"{one.model}: {one.served.peer.title} takes {one.idle_share:.0%} of a core without requests")
    lines.append(
        f"Medians of {rounds} rounds of {seconds:g} s that take turns (least to greatest), load by {generator} on the same "
        f"{os.cpu_count()} cores, {comparison.workers} workers each, Python {platform.python_version()}, {platform.machine()}."
    )
    return "\n".join(lines)


def _rate(one: Measured) -> float:
    ordered = sorted(load.rate for load in one.many)
    return ordered[len(ordered) // 2]


def _p50(one: Measured) -> float:
    ordered = sorted(load.p50_ms for load in one.one)
    return ordered[len(ordered) // 2]

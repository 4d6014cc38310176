"""The text of `changeover watch`: a tree of one model, or one line for each change.

The data is that of the console's live part, `GET /ui/models/{m}/live.json`.
"""

from collections.abc import Iterator
from typing import Final

import click

from changeover.cli.output import ago
from changeover.json_documents import object_in, objects_in
from changeover.json_types import Json, JsonObject
from changeover.names import short
from changeover.process.visible import visible

_COLOURS: Final = {"green": "green", "amber": "yellow", "red": "red", "busy": "blue"}
_SIGNS: Final = {"green": "✔", "amber": "●", "red": "✖", "busy": "◌"}
_PLACES: Final = {"done": "✔", "now": "◌", "stopped": "✖", "to come": "·"}


def tree(live: JsonObject) -> list[str]:
    """The lines of the tree, with the colours of a terminal."""
    verdict = object_in(live.get("verdict"))
    head = f"{_sign(verdict.get('level'))} {_word(verdict)}  {_text(verdict.get('sentence'))}"
    branches = [*_current(live), *_rollout(live), _workers(live)]
    lines = [f"{click.style(_text(live.get('model')), bold=True)}  {head}"]
    for position, (title, leaves) in enumerate(branches):
        last = position == len(branches) - 1
        lines.append(f"{'└─' if last else '├─'} {title}")
        for number, leaf in enumerate(leaves):
            lines.append(f"{'   ' if last else '│  '}{'└─' if number == len(leaves) - 1 else '├─'} {leaf}")
    return lines


def summary(live: JsonObject) -> str:
    """One line, which changes only when something happened."""
    verdict, current = object_in(live.get("verdict")), object_in(live.get("current"))
    rolling = object_in(live.get("rolling"))
    parts = [_text(live.get("model")), _text(verdict.get("word"))]
    if current:
        parts.append(f"{short(str(current.get('version')))} sequence {current.get('sequence')}")
    if rolling:
        ready = f"{rolling.get('ready')} of {live.get('awaited')} ready"
        parts.append(f"{short(str(rolling.get('version')))} {rolling.get('state')}, {ready}")
    failed = [worker for worker in objects_in(live.get("workers")) if worker.get("why")]
    parts += [f"{_name(worker)} failed: {_text(worker.get('why'))}" for worker in failed]
    last = object_in(live.get("last"))
    if last and not last.get("committed"):
        parts.append(f"the roll to {short(str(last.get('version')))} was aborted: {_text(last.get('reason'))}")
    return " | ".join(parts)


def _current(live: JsonObject) -> Iterator[tuple[str, list[str]]]:
    current = object_in(live.get("current"))
    if not current:
        return
    confirmed = f"{live.get('confirmed')} of {live.get('awaited')} workers confirmed"
    oldest = live.get("oldest_s")
    ages = f", the oldest {seconds(oldest)} ago" if oldest is not None else ""
    runtime = f"  {_text(current.get('runtime'))}" if current.get("runtime") else ""
    yield (
        f"current  {short(str(current.get('version')))}  sequence {current.get('sequence')}{runtime}",
        [
            f"since {_text(current.get('since'))} ({ago(current.get('since'))})",
            f"by {_text(current.get('by')) or '-'}: {_text(current.get('reason')) or '-'}",
            f"{confirmed}{ages}",
            *_traffic(live),
        ],
    )


def _traffic(live: JsonObject) -> list[str]:
    """The requests of the last minutes."""
    traffic = object_in(live.get("traffic"))
    if not traffic:
        return []
    last = f"in the last {seconds(traffic.get('seconds'))}"
    if not traffic.get("requests"):
        return [f"no request {last}"]
    latency = f"p50 {_milliseconds(traffic.get('p50_ms'))}, p99 {_milliseconds(traffic.get('p99_ms'))}"
    failed, stale = _share(traffic.get("failed_share"), "failed", "red"), _share(traffic.get("stale_share"), "stale")
    return [f"{traffic.get('per_second')} requests/s {last}, {latency}, {failed}, {stale}"]


def _milliseconds(value: Json) -> str:
    """The end of the bin that a quantile lies in."""
    return f"{value:g} ms" if isinstance(value, int | float) else "beyond the bins"


def _share(value: Json, name: str, colour: str = "yellow") -> str:
    """A share in percent, coloured if there is any."""
    share = value if isinstance(value, int | float) else 0.0
    return click.style(f"{share:.1%} {name}", fg=colour) if share else f"none {name}"


def _rollout(live: JsonObject) -> Iterator[tuple[str, list[str]]]:
    rolling, last = object_in(live.get("rolling")), object_in(live.get("last"))
    if rolling:
        ready = f"{rolling.get('ready')} of {live.get('awaited')} ready"
        left = f", {seconds(rolling.get('deadline_s'))} to the deadline" if rolling.get("state") == "preparing" else ""
        title = f"rolling  {short(str(rolling.get('version')))}  {rolling.get('state')}  {ready}{left}"
        yield click.style(title, fg="blue"), [*_phases(rolling), *_rehearsal(live)]
    elif last:
        committed = bool(last.get("committed"))
        title = f"last     {short(str(last.get('version')))}  {last.get('state')}  {ago(last.get('rolled_at'))}"
        leaves = _phases(last) if committed else [_text(last.get("reason")), *_phases(last)]
        yield title if committed else click.style(title, fg="red"), [*leaves, *_watch(live)]


def _rehearsal(live: JsonObject) -> list[str]:
    """What the rehearsal has counted so far."""
    rehearsal = object_in(live.get("rehearsal"))
    if not rehearsal:
        return []
    left = f"{seconds(rehearsal.get('left_s'))} left"
    if not rehearsal.get("rows"):
        return [f"rehearsal  {_text(rehearsal.get('unable')) or 'no row yet'}  {left}"]
    return [f"rehearsal  {rehearsal.get('differing')} of {rehearsal.get('rows')} answers differ  {left}"]


def _watch(live: JsonObject) -> list[str]:
    """What the watch after the switch has counted so far."""
    watch = object_in(live.get("watch"))
    if not watch:
        return []
    failures, left = object_in(watch.get("failures")), f"{seconds(watch.get('left_s'))} left"
    failed = f"{failures.get('after')} of {watch.get('after')} requests failed"
    return [f"watch  {failed}, before the switch {failures.get('before')} of {watch.get('before')}  {left}"]


def _phases(rollout: JsonObject) -> list[str]:
    """The phases with their seconds; the live phase has none."""
    lines = []
    for phase in objects_in(rollout.get("phases")):
        place = str(phase.get("place"))
        spent = seconds(phase.get("seconds")) if phase.get("seconds") is not None else place
        lines.append(f"{_PLACES.get(place, ' ')} {_text(phase.get('name')):<8} {spent}")
    return lines


def _workers(live: JsonObject) -> tuple[str, list[str]]:
    workers = objects_in(live.get("workers"))
    width = max((len(_name(worker)) for worker in workers), default=0)
    leaves = [
        f"{_sign(worker.get('level'))} {_name(worker):<{width}}  {_word(worker, 9)}  "
        f"{seconds(worker.get('silent_s'))} ago{'  ' + _text(worker.get('why')) if worker.get('why') else ''}"
        for worker in workers
    ]
    more = live.get("more_workers")
    return f"workers  {len(workers)}" + (f" and {more} more" if more else ""), leaves


def seconds(value: Json) -> str:
    """A number of seconds, with a tenth below ten."""
    if not isinstance(value, int | float):
        return "-"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def _name(worker: JsonObject) -> str:
    return _text(f"{worker.get('host')}/{worker.get('pid')}")


def _sign(level: Json) -> str:
    return click.style(_SIGNS.get(str(level), "?"), fg=_COLOURS.get(str(level)))


def _word(entry: JsonObject, width: int = 0) -> str:
    return click.style(f"{_text(entry.get('word')):<{width}}", fg=_COLOURS.get(str(entry.get("level"))))


def _text(value: Json) -> str:
    return "" if value is None else visible(str(value))

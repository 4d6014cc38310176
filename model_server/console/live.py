"""The live part of a model's page: the version that answers now, its workers, and the rollout."""

from typing import Final

from changeover.names import short
from changeover.process.clock import now as clock_now
from changeover.protocol.wire import Current
from model_server.console.parts import Page, Parts
from model_server.console.rehearsed import rehearsed
from model_server.console.steps import steps
from model_server.console.traffic import traffic
from model_server.console.verdict import Verdict, Worker, judge
from model_server.ledger.record import Rollout
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.past import Ended
from model_server.rollouts.phases import Phase, Phases

MOST_WORKERS: Final = 64  # cells on one page


def live(parts: Parts, state: ModelState) -> Page:
    """The data of the live part, from memory alone."""
    now = clock_now()
    with state.changed:
        entry, rollout, phases, last = state.entry, state.rollout, state.phases, state.last
        current, rehearsal, watch = state.current, state.rehearsal, state.watched
        window = state.traffic.window(now)
        counts = state.fleet.rehearsed(rollout.id if rollout else "")
        watching = watch is not None and rollout is None and entry is not None and entry.id == watch.of
        watch_counts = state.fleet.watched(watch.of if watch else "")
        workers = [_worker(row) for row in state.fleet.to_json(now)]
    verdict = judge(current, workers)
    awaited = [worker for worker in workers if worker.awaited]
    return {
        "model": state.name,
        "verdict": _verdict(verdict, rollout),
        "current": None if entry is None else _current(parts, entry),
        "confirmed": sum(_confirms(worker, current) for worker in awaited),
        "awaited": len(awaited),
        "oldest_s": max((worker.silent_s for worker in awaited), default=None),
        "traffic": traffic(window),
        "rolling": None if rollout is None else _rolling(rollout, phases, workers, now),
        "rehearsal": None if rollout is None or rehearsal is None else rehearsed(rehearsal, counts, now),
        "watch": watch.figures(watch_counts, now) if watch is not None and watching else None,
        "last": None if rollout is not None else _last(parts, state, last, now),
        "ended": next((each.rollout.id for each in parts.ended(state)), ""),
        "workers": [
            {**cell(worker, current, rollout), "steps": steps(worker, rollout, phases) if rollout is not None else []}
            for worker in workers[:MOST_WORKERS]
        ],
        "more_workers": max(0, len(workers) - MOST_WORKERS),
    }


def verdict_of(state: ModelState) -> Verdict:
    """The verdict on a model, for lists."""
    with state.changed:
        current, rows = state.current, state.fleet.to_json(clock_now())
    return judge(current, [_worker(row) for row in rows])


def _worker(row: Page) -> Worker:
    """The worker of one row of `Fleet.to_json`."""
    held = row["held"]
    return Worker(
        replica=row["replica"],
        host=row["host"],
        pid=row["pid"],
        held=Current(held["sequence"], held["version"]) if held else None,
        silent_s=row["silent_s"],
        awaited=row["awaited"],
        ready=frozenset(row["ready"]),
        failed=row["failed"],
        fetched=frozenset(row["fetched"]),
    )


def _confirms(worker: Worker, current: Current | None) -> bool:
    return current is not None and worker.held is not None and worker.held.sequence == current.sequence


def _verdict(verdict: Verdict, rollout: Rollout | None) -> Page:
    more = f" {short(rollout.version)} is being {_DOES[rollout.state]}." if rollout else ""
    return {"level": verdict.level, "word": verdict.word, "sentence": verdict.sentence + more}


_DOES: Final = {"preparing": "prepared", "fencing": "switched to", "committed": "switched to", "aborted": "aborted"}


def _current(parts: Parts, entry: Rollout) -> Page:
    listed = parts.index.find(entry.model, entry.version)
    return {
        "sequence": entry.sequence,
        "version": entry.version,
        "previous": entry.previous,
        "since": entry.rolled_at,
        "by": entry.by,
        "on_behalf_of": entry.on_behalf_of,
        "reason": entry.reason,
        "pinned": parts.pins.get(entry.model) is not None,
        "estimator": listed.estimator if listed else "",
        "description": listed.description if listed else "",
        "metrics": listed.metrics if listed else {},
        "runtime": None if listed is None else ("onnx" if listed.twin and parts.runtime == "onnx" else "sklearn"),
    }


def cell(worker: Worker, current: Current | None, rollout: Rollout | None) -> Page:
    """One worker: its level, the word for it, and the reason if it failed."""
    version = rollout.version if rollout else None
    why = worker.failed.get(version, "") if version else ""
    if not worker.awaited:
        level, word = "amber", "silent"
    elif why:
        level, word = "red", "failed"
    elif version is not None:
        level, word = ("green", "ready") if version in worker.ready else ("busy", "preparing")
    elif _confirms(worker, current):
        level, word = "green", "current"
    else:
        level, word = "red", "behind" if worker.held else "no version"
    return {
        "replica": worker.replica,
        "host": worker.host,
        "pid": worker.pid,
        "held": worker.held.version if worker.held else None,
        "silent_s": worker.silent_s,
        "level": level,
        "word": word,
        "why": why,
    }


def _rolling(rollout: Rollout, phases: Phases, workers: list[Worker], now: float) -> Page:
    awaited = [worker for worker in workers if worker.awaited]
    return {
        **rollout.to_json(),
        "phases": _phases(phases, now, over=False),
        "seconds": round(sum(phases.seconds(now).values()), 3),
        "deadline_s": round(max(0.0, rollout.deadline - now), 1),
        "ready": sum(rollout.version in worker.ready for worker in awaited),
    }


def _phases(phases: Phases, now: float, over: bool, committed: bool = False) -> list[Page]:
    """The phases with their seconds, and whether each is done, now or to come; the rehearsal only if there is one."""
    seconds = phases.seconds(now)
    rows: list[Page] = []
    for phase in Phase:
        spent = seconds.get(phase)
        newest = spent is not None and phase == phases.began[-1][0]
        place = "now" if newest and not over else ("stopped" if newest and not committed else "done")
        if phase is Phase.REHEARSE and spent is None:
            continue
        if phase is Phase.LIVE:
            place = "done" if committed else "to come"
        rows.append(
            {
                "name": str(phase),
                "place": place if spent is not None or phase is Phase.LIVE else "to come",
                "seconds": None if spent is None else round(spent, 3),
            }
        )
    return rows


def _last(parts: Parts, state: ModelState, last: tuple[Rollout, Phases] | None, now: float) -> Page | None:
    """The last rollout that ended; its phases if it ended in this run of the process."""
    ended = next(iter(parts.ended(state)), None)
    if ended is None:
        return None
    rollout, phases = ended.rollout, None
    if last is not None and last[0].id == rollout.id:
        phases = last[1]
    return {
        **rollout.to_json(),
        "committed": ended.committed,
        "phases": None if phases is None else _phases(phases, now, over=True, committed=ended.committed),
        "seconds": None if phases is None else round(sum(phases.seconds(now).values()), 3),
        "unseen": _unseen(state, ended),
    }


def _unseen(state: ModelState, ended: Ended) -> bool:
    """Whether it was aborted and no caller has confirmed to have seen it."""
    return not ended.committed and ended.rollout.id not in state.seen

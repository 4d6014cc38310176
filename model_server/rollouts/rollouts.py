"""The rollouts of this process: the checks before one begins, its loop, and the calls that wait for its end."""

import secrets
import threading
from dataclasses import replace
from functools import partial
from typing import Final

from msgspec import structs

from changeover.names import short
from changeover.process import log_events
from changeover.process.clock import now, utc_now
from changeover.protocol.wire import RolloutState
from model_server import metrics
from model_server.exceptions import CurrentMoved, NoCurrentVersion, NotUnderWay, Pinned, RolloutUnderWay
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.problems import Problems, Topic
from model_server.records import Unreadable
from model_server.rollouts import rollout as machine
from model_server.rollouts.aborted import Aborted
from model_server.rollouts.fleet import FIND_S, SILENCE_S
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.phases import Phases
from model_server.rollouts.promotion import Promotion, RollRequest
from model_server.rollouts.rehearsal import Rehearsal
from model_server.rollouts.rollout_loop import RolloutLoop
from model_server.rollouts.watch import Watch
from model_server.rollouts.watch_loop import WatchLoop
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket

WATCH: Final = "watch"  # the name in the ledger of what rolls back when a version leaves its line
_LAST_WORDS_S = 1.0  # for which a response waits for a rollout's end while the process stops


class Rollouts:
    """The rollouts of this process. Thread-safe."""

    def __init__(
        self,
        models: Models,
        ledger: Ledger,
        versions: Versions,
        bucket: Bucket,
        prepare_timeout: float,
        pins: dict[str, str],
        problems: Problems,
        promotion: Promotion,
    ) -> None:
        self._models = models
        self._ledger = ledger
        self._versions = versions
        self.aborted = Aborted(bucket, Unreadable(problems))
        self._prepare_timeout = prepare_timeout
        self._pins = pins
        self._problems = problems
        self._promotion = promotion
        self._stopping = threading.Event()
        self._finished: dict[str, Rollout] = {}
        metrics.PREPARE_TIMEOUT.set(prepare_timeout)

    def begin(self, model: str, version: str, request: RollRequest) -> Rollout:
        """Begin to make `version` (64 digits) current; returns the earlier rollout if it is current already.

        Raises Pinned, RolloutUnderWay, CurrentMoved, RollRefused, UnknownVersion, VersionRemoved or StoreError.
        """
        pinned = self._pins.get(model)
        if pinned is not None and pinned != version:
            raise Pinned(
                f"model {model!r} is pinned to {pinned} by MODEL_SHA256: unset it and restart model_server to roll "
                f"to {short(version)}"
            )
        self._versions.with_bytes(model, version)
        state = self._models.get(model)
        begun = None
        while begun is None:
            entry = state.entry
            examined = replace(request, exempt=request.exempt or pinned is not None)
            examined = self._promotion.examine(model, version, entry.version if entry else None, examined)
            begun = self._enter(state, version, examined, entry)
        rollout, actions = begun
        if rollout.over:
            return rollout
        log_events.event(
            "rollout.preparing",
            model=model,
            version=version,
            sequence=rollout.sequence,
            by=rollout.by,
            on_behalf_of=rollout.on_behalf_of,
            reason=rollout.reason,
        )
        RolloutLoop(state, rollout, self._ledger, self.aborted, self._stopping, self._finish).begin(actions)
        return rollout

    def _enter(
        self, state: ModelState, version: str, request: RollRequest, compared: Rollout | None
    ) -> machine.Outcome | None:
        """Begin the rollout, or return the one that made `version` current; None if `compared` is not current."""
        with state.changed:
            if state.rollout is not None and not state.rollout.over:
                raise RolloutUnderWay(
                    f"model {state.name!r} is being rolled to {short(state.rollout.version)} ({state.rollout.state}): "
                    f"wait for its end, see GET /models/{state.name}/rollouts/{state.rollout.id}"
                )
            if state.overtaken is not None:
                raise RolloutUnderWay(
                    f"sequence {state.overtaken.sequence} of model {state.name!r} was written by another process and is "
                    f"being followed: roll again in a moment; only one model_server may run on a bucket"
                )
            if state.entry is not compared:
                return None
            _check_expected(state, request.expected_sequence)
            self._versions.tombstones.refuse(state.name, version)  # a removal begins under the same lock
            if compared is not None and compared.version == version:
                return compared, ()
            rollout, actions = machine.begin(self._new(state, version, request))
            state.rollout, state.phases, state.cancelled = rollout, Phases.begun(now()), None
            state.watch = Watch(request.watch) if request.watch and compared is not None else None
            state.rehearsal = Rehearsal(request.rehearse, request.line) if request.rehearse else None
            state.fleet.forget_failure(version)
            if state.current is None and now() - self._models.replica_heard_at <= SILENCE_S:
                # Replicas run, but have not discovered this model yet: wait until they prepare its first version, too.
                state.fleet.known_from = now() + FIND_S
            return rollout, actions

    def abort(self, model: str, identity: str, by: str, reason: str) -> None:
        """Abort the rollout under way, if it has this id and has not begun to write its ledger entry.

        Raises NotUnderWay.
        """
        state = self._models.get(model)
        with state.changed:
            if state.rollout is None or state.rollout.id != identity:
                raise NotUnderWay(f"rollout {identity} of model {model!r} is over: see GET /models/{model}/rollouts")
            state.cancelled = machine.Cancelled(by, reason)
        state.news.set()

    def refuse(self, model: str, version: str, request: RollRequest, reason: str) -> None:
        """Record, as aborted, a rollout that was refused before it began."""
        state = self._models.get(model)
        rollout = structs.replace(self._new(state, version, request), state=RolloutState.ABORTED, reason=reason)
        self.aborted.record(rollout)
        _log_end(model, rollout, 0.0)

    def previous(self, model: str) -> str:
        """The version that was current before this one; raises NoCurrentVersion."""
        state = self._models.find(model)
        entry = state.entry if state else None
        if entry is None or entry.previous is None:
            raise NoCurrentVersion(f"model {model!r} has nothing to roll back to: see GET /models/{model}/rollouts")
        return entry.previous

    def find(self, model: str, identity: str) -> Rollout | None:
        """A rollout of this run by its id, or None."""
        state = self._models.find(model)
        if state is not None and state.rollout is not None and state.rollout.id == identity:
            return state.rollout
        return self._finished.get(identity)

    def wait(self, model: str, rollout: Rollout, seconds: float) -> Rollout:
        """The rollout when it is over, or its state after `seconds`."""
        state = self._models.get(model)
        deadline = now() + seconds
        with state.changed:
            while True:
                latest = self.find(model, rollout.id) or rollout
                left = deadline - now()
                if latest.over or left <= 0:
                    return latest
                if self._stopping.is_set():
                    deadline = min(deadline, now() + _LAST_WORDS_S)
                state.changed.wait(min(left, _LAST_WORDS_S))

    def stop(self) -> None:
        """Abort the rollouts that prepare or fence; `Ledger.append` ends a write that has begun."""
        self._stopping.set()
        for state in self._models.all():
            state.news.set()
            with state.changed:
                state.changed.notify_all()

    def _new(self, state: ModelState, version: str, request: RollRequest) -> Rollout:
        current = state.current
        began_at = utc_now()
        return Rollout(
            id=f"{began_at.replace(':', '')}-{secrets.token_hex(4)}",
            model=state.name,
            sequence=current.sequence + 1 if current else keys.FIRST_SEQUENCE,
            version=version,
            previous=current.version if current else None,
            by=request.by,
            on_behalf_of=request.on_behalf_of,
            reason=request.reason,
            rolled_at=began_at,
            deadline=now() + self._prepare_timeout,
        )

    def _roll_back(self, entry: Rollout, reason: str) -> Rollout:
        """Begin a rollback of `entry`, unless another one was committed since; raises the errors of `begin`."""
        request = RollRequest(WATCH, reason, exempt=True, on_behalf_of=entry.by, expected_sequence=entry.sequence)
        return self.begin(entry.model, self.previous(entry.model), request)

    def _finish(self, state: ModelState, rollout: Rollout) -> None:
        """Record the end of a rollout, and wake the calls that wait for it."""
        took_s = sum(state.phases.seconds(now()).values())
        if rollout.state is RolloutState.COMMITTED:
            rollout = self._ledger.entry(state.name, rollout.sequence)  # has the time of the entry
        with state.changed:
            self._finished[rollout.id] = rollout
            state.rollout, state.last = None, (rollout, state.phases.ended(now()))
            watch, state.watch = state.watch, None
            if watch is not None and rollout.state is RolloutState.COMMITTED:
                watch = replace(watch, of=rollout.id, until=now() + watch.seconds)
                state.watched = watch
            state.changed.notify_all()
        if watch is not None and watch.of:
            WatchLoop(state, rollout, watch, watch.until, self._stopping, partial(self._roll_back, rollout)).start()
        if rollout.state is RolloutState.ABORTED:
            self._problems.set(Topic.ROLLOUT, rollout.reason, state.name)
        else:
            self._problems.clear(Topic.ROLLOUT, state.name)
        _log_end(state.name, rollout, took_s)


def _check_expected(state: ModelState, expected: int | None) -> None:
    """Raise CurrentMoved unless the sequence that the caller saw is current."""
    sequence = state.current.sequence if state.current else 0
    if expected is not None and expected != sequence:
        raise CurrentMoved(
            f"sequence {sequence} of model {state.name!r} is current, not {expected}: look again, see GET "
            f"/models/{state.name}/rollouts, then roll with the sequence that you saw"
        )


def _log_end(model: str, rollout: Rollout, took_s: float) -> None:
    metrics.ROLLOUTS.labels(model, rollout.state.value).inc()
    metrics.ROLLOUT_SECONDS.labels(model, rollout.state.value).observe(took_s)
    log_events.event(
        f"rollout.{rollout.state}",
        level="info" if rollout.state is RolloutState.COMMITTED else "error",
        model=model,
        version=rollout.version,
        sequence=rollout.sequence,
        reason=rollout.reason,
        took_ms=round(took_s * 1000),
    )

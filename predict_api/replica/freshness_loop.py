"""The freshness loop: it sends the checks of all models of this worker and wakes the requests that wait for them.

`predict_api/replica/freshness.py` decides; this file has the clock and the call. At most one check is in flight, whatever
the number of models. Without requests, the loop sends a check every 300 ms, to notice versions to prepare. A check that
finds nothing changed takes the same time for one model and for a thousand.
"""

import threading
from collections.abc import Callable
from typing import Final

from changeover.exceptions import SealBroken
from changeover.process import clock, tracing
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.wire import Current, CurrentModel, MalformedAnswer
from predict_api import metrics
from predict_api.exceptions import CallFailed, LowerSequence, OtherVersion
from predict_api.prediction.turn import about_to_wait
from predict_api.replica.freshness import Checks, Freshness, Outcome, Verdict
from predict_api.replica.replica import Replica
from predict_api.upstream.freshness_check import CheckAnswer
from predict_api.upstream.set_check import SetAnswer, SetCheck

_NOTHING: Final = CurrentModel()  # no current version, and none to prepare


class FreshnessLoop(Loop):
    """The freshness checks of this process. `changed` is called when the models of model_server or its run change."""

    def __init__(self, call: SetCheck, deadline: float, changed: Callable[[], None]) -> None:
        super().__init__("freshness")
        self._call, self._deadline, self._changed = call, deadline, changed
        self._checks = Checks(clock.now())
        self._lock = threading.Lock()
        self._waiting: dict[int, threading.Event] = {}  # by the number of the check
        self._traced: dict[int, str] = {}  # the traceparent of the first request that waits for a check
        self._models: dict[str, ModelFreshness] = {}
        self._unsettled: set[str] = set()  # the models whose next check is processed, changed or not
        self._logged = ""  # the last failure that was logged
        self.checked = False  # whether the first check has ended
        self.answer: SetAnswer | None = None  # of the last check that succeeded

    @property
    def broken(self) -> bool:
        """Whether checks fail at present."""
        return self._checks.broken

    def add(self, replica: Replica) -> "ModelFreshness":
        """Add a model, which the next check asks about; that one is due now."""
        model = ModelFreshness(replica, Freshness(self._checks), self)
        with self._lock:
            self._models = {**self._models, replica.model: model}
            self._unsettled.add(replica.model)
        self.hasten()
        return model

    def hasten(self) -> None:
        """Send a check now, since a version became ready, or a model was added."""
        with self._lock:
            self._checks.hasten(clock.now())
            self.wake.set()

    def confirm(self, freshness: Freshness, arrived: float) -> bool:
        """Whether a version is current, for a request that arrived at `arrived`; takes CHECK_DEADLINE_MS at most."""
        with self._lock:
            arrival = freshness.arrive(arrived)
            if arrival.verdict is not Verdict.WAIT:
                return arrival.verdict is Verdict.CONFIRMED
            ended = self._waiting.get(arrival.check)
            if ended is None:
                ended = self._waiting[arrival.check] = threading.Event()
                self.wake.set()
            traceparent = tracing.outgoing()
            if traceparent is not None:
                self._traced.setdefault(arrival.check, traceparent)
        in_time = ended.wait(self._deadline)
        with self._lock:
            verdict = freshness.verdict(arrival.check)
            if verdict is Verdict.WAIT or not in_time:
                verdict = freshness.give_up(arrival.check)
        return verdict is Verdict.CONFIRMED

    def run_once(self, now: float) -> float:
        """Send a check if one is due, and wait for its response; returns the seconds until the next step.

        A lease counts from `now`, which is before the send.
        """
        with self._lock:
            due = self._checks.next_send()
            if due is not None and due > now:
                return due - now
            check = self._checks.send(now)
            models, unsettled, self._unsettled = self._models, self._unsettled, set()
            traceparent = self._traced.pop(check, None)
        before = self.answer
        with tracing.passing_on(traceparent):
            answer = self._ask(before, models)
        answered_at = clock.now()
        if answer is None:
            for name in unsettled:
                models[name].ended()
        else:
            unsettled = self._process(before, answer, models, unsettled, check, now)
        metrics.CHECKS.labels("failed" if answer is None else "answered").inc()
        if answer is not None:
            metrics.record_check(clock.now() - now, answered_at - now, answer.lease)
        with self._lock:
            self._unsettled |= unsettled
            if answer is None:
                self._checks.fail(clock.now())
            else:
                self._checks.finish(clock.now(), answer.lease)
            released = [self._waiting.pop(number) for number in list(self._waiting) if self._checks.ended(number)]
        for ended in released:
            ended.set()
        self._tell(before, answer)
        return max(0.0, (self._checks.next_send() or now) - clock.now())

    def _ask(self, before: SetAnswer | None, models: "dict[str, ModelFreshness]") -> SetAnswer | None:
        """The answer of one call, None if it failed."""

        def active(name: str) -> Current | None:
            version = models[name].replica.active
            return version.current if version else None

        try:
            if tracing.outgoing() is None:
                answer = self._call.ask(before, models, active)
            else:
                with tracing.span("check"):
                    answer = self._call.ask(before, models, active)
        except (CallFailed, MalformedAnswer) as error:
            if str(error) != self._logged:
                self._logged = str(error)
                event("freshness.lost", level="warning", reason=str(error))
            return None
        except Exception as error:  # noqa: BLE001 the thread must outlive any single check
            event("freshness.crashed", level="error", error=error)
            return None
        if self._logged:
            self._logged = ""
            event("freshness.regained")
        return answer

    def _process(
        self,
        before: SetAnswer | None,
        answer: SetAnswer,
        models: "dict[str, ModelFreshness]",
        unsettled: set[str],
        check: int,
        sent_at: float,
    ) -> set[str]:
        """Pass the changes to the models; returns those to which the next answer is passed, changed or not."""
        names = set(unsettled)
        if before is None or before.models is not answer.models:
            known = before.models if before is not None else {}
            names |= {name for name in models if known.get(name) != answer.models.get(name)}
        names |= answer.malformed.keys() & models
        return {name for name in sorted(names) if not models[name].process(answer, check, sent_at)}

    def _tell(self, before: SetAnswer | None, answer: SetAnswer | None) -> None:
        """Wake the loops that depend on the checks, if there is news for them."""
        news, self.checked = not self.checked, True
        if answer is not None:
            self.answer = answer
            news = news or before is None or before.server_instance != answer.server_instance
            news = news or (before is not None and before.models.keys() != answer.models.keys())
        if news:
            self._changed()


class ModelFreshness:
    """The freshness of one model in this process."""

    def __init__(self, replica: Replica, freshness: Freshness, loop: FreshnessLoop) -> None:
        self.replica = replica
        self._freshness, self._loop = freshness, loop
        self._logged = ""  # the last problem of the model that was logged
        self.checked = False  # whether the first check of this model has ended

    @property
    def broken(self) -> bool:
        """Whether checks fail at present, so that responses are stale."""
        return self._freshness.broken

    def confirm(self) -> bool:
        """Whether the active version is current: by a lease, or by a check sent after this call began.

        Takes CHECK_DEADLINE_MS at most, and does not wait with a lease or while checks fail.
        """
        arrived = clock.now()
        if self._freshness.leased(arrived):
            return True
        if not self._freshness.broken:
            about_to_wait()
        return self._loop.confirm(self._freshness, arrived)

    def confirmed_at(self) -> float:
        """The time of sending of the last check that confirmed the active version; `-inf` if none did."""
        return self._freshness.confirmed_at()

    def hasten(self) -> None:
        """Send a check now, since a version became ready."""
        self._loop.hasten()

    def ended(self) -> None:
        """The first check of this model has ended, with or without a response."""
        if not self.checked:
            self.checked = True
            self.replica.work.set()

    def process(self, answer: SetAnswer, check: int, sent_at: float) -> bool:
        """Process what the answer to `check` has about this model; False if the next answer is to be processed, too."""
        listed = answer.models.get(self.replica.model, _NOTHING)
        outcome = self._outcome(listed, answer, sent_at)
        self._freshness.note(outcome, check, leased=not listed.fenced)
        self.ended()
        return outcome is Outcome.CONFIRMED

    def _outcome(self, listed: CurrentModel, answer: SetAnswer, sent_at: float) -> Outcome:
        model, active = self.replica.model, self.replica.active
        if model in answer.malformed:
            self._lost(answer.malformed[model])
            return Outcome.FAILED
        try:
            single = CheckAnswer(
                listed.current,
                listed.next_version,
                answer.lease,
                answer.server_instance,
                rehearsal=listed.rehearsal,
                watch=listed.watch,
                seal=listed.seal,
            )
            outcome = self.replica.on_answer(single, sent_at)
        except (LowerSequence, OtherVersion) as error:
            metrics.REFUSED.labels(model).inc()
            self._lost(str(error), "replica.sequence_refused", "error")
            return Outcome.FAILED
        except SealBroken as error:
            metrics.SEALS_REFUSED.labels(model).inc()
            self._lost(str(error), "replica.seal_refused", "error")
            return Outcome.FAILED
        except Exception as error:  # noqa: BLE001 the thread must outlive any single check
            event("freshness.crashed", level="error", model=model, error=error)
            return Outcome.FAILED
        if outcome is Outcome.ABSENT and active is not None:
            reason = f"model_server knows no current version of {model!r}; was its bucket emptied?"
            self._lost(f"{reason} The last good one goes on answering, stale", "replica.current_gone", "error")
        elif self._logged:
            self._logged = ""
            event("freshness.regained", model=model)
        return outcome

    def _lost(self, reason: str, name: str = "freshness.lost", level: str = "warning") -> None:
        """Log a problem once, until another one comes or checks succeed again."""
        if reason != self._logged:
            self._logged = reason
            event(name, level=level, model=self.replica.model, reason=reason)

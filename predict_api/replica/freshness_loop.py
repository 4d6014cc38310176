"""The freshness loop: it sends the checks of one model and wakes the requests that wait for them.

`predict_api/replica/freshness.py` decides; this file has the clock and the call. At most one check is in flight. Without
requests, the loop sends a check every 300 ms, to notice a version to prepare.
"""

import threading

from changeover.process import clock
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.protocol.wire import MalformedAnswer
from predict_api import metrics
from predict_api.exceptions import CallFailed, LowerSequence, OtherVersion
from predict_api.prediction.turn import about_to_wait
from predict_api.replica.freshness import Freshness, Outcome, Verdict
from predict_api.replica.replica import Replica
from predict_api.upstream.freshness_check import CheckCall


class FreshnessLoop(Loop):
    """The freshness checks of one model in this process."""

    def __init__(self, replica: Replica, call: CheckCall, deadline: float) -> None:
        super().__init__(f"freshness-{replica.model}")
        self._replica, self._call, self._deadline = replica, call, deadline
        self._freshness = Freshness(clock.now())
        self._lock = threading.Lock()
        self._waiting: dict[int, threading.Event] = {}  # by the number of the check
        self._logged = ""  # the last failure that was logged
        self.checked = False  # whether the first check has ended

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
        with self._lock:
            arrival = self._freshness.arrive(arrived)
            if arrival.verdict is not Verdict.WAIT:
                return arrival.verdict is Verdict.CONFIRMED
            ended = self._waiting.get(arrival.check)
            if ended is None:
                ended = self._waiting[arrival.check] = threading.Event()
                self.wake.set()
        in_time = ended.wait(self._deadline)
        with self._lock:
            verdict = self._freshness.verdict(arrival.check)
            if verdict is Verdict.WAIT or not in_time:
                verdict = self._freshness.give_up(arrival.check)
        return verdict is Verdict.CONFIRMED

    def hasten(self) -> None:
        """Send a check now, since a version became ready."""
        with self._lock:
            self._freshness.hasten(clock.now())
            self.wake.set()

    def run_once(self, now: float) -> float:
        """Send a check if one is due, and wait for its response; returns the seconds until the next step.

        A lease counts from `now`, which is before the send.
        """
        with self._lock:
            due = self._freshness.next_send()
            if due is not None and due > now:
                return due - now
            self._freshness.send(now)
        outcome, lease_s = self._check(now)
        metrics.CHECKS.labels(self._replica.model, outcome.value).inc()
        with self._lock:
            self._freshness.finish(outcome, clock.now(), lease_s)
            done = [check for check in self._waiting if self._freshness.verdict(check) is not Verdict.WAIT]
            released = [self._waiting.pop(check) for check in done]
        for ended in released:
            ended.set()
        if not self.checked:
            self.checked = True
            self._replica.work.set()
        return max(0.0, (self._freshness.next_send() or now) - clock.now())

    def _check(self, sent_at: float) -> tuple[Outcome, float]:
        """The outcome of a check, and its lease in seconds."""
        held = self._replica.active
        try:
            answer = self._call.ask(held.current if held else None, sent_at + self._deadline)
            outcome = self._replica.on_answer(answer, sent_at)
        except (CallFailed, MalformedAnswer) as error:
            self._lost(str(error))
            return Outcome.FAILED, 0.0
        except (LowerSequence, OtherVersion) as error:
            metrics.REFUSED.labels(self._replica.model).inc()
            self._lost(str(error), "replica.sequence_refused", "error")
            return Outcome.FAILED, 0.0
        except Exception as error:  # noqa: BLE001 the thread must outlive any single check
            event("freshness.crashed", level="error", model=self._replica.model, error=error)
            return Outcome.FAILED, 0.0
        if outcome is Outcome.ABSENT and held is not None:
            reason = f"model_server knows no current version of {self._replica.model!r}; was its bucket emptied?"
            self._lost(f"{reason} The last good one goes on answering, stale", "replica.current_gone", "error")
        elif self._logged:
            self._logged = ""
            event("freshness.regained", model=self._replica.model)
        return outcome, answer.lease

    def _lost(self, reason: str, name: str = "freshness.lost", level: str = "warning") -> None:
        """Log a failure once, until another reason comes or checks succeed again."""
        if reason != self._logged:
            self._logged = reason
            event(name, level=level, model=self._replica.model, reason=reason)

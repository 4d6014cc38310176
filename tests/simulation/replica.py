"""One worker of predict_api in the simulated world: its own `Replica`, `Freshness`, `read_answer` and `ReplicaReport`.

What is done here between them mirrors threads and HTTP, one event a step, so that anything may come in between:
`ask` -> `FreshnessLoop.confirm` and `predict.basis`; `_pump` to `_finish` -> `FreshnessLoop._run`; `_prepare` ->
`Preparation._run`; `_report` -> `Reports._run`. The disk outlives a life: what was prepared, and what was confirmed.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import cast

from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import Current, MalformedAnswer, ReplicaReport
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from predict_api.exceptions import LowerSequence, OtherVersion
from predict_api.replica.active import ActiveVersion
from predict_api.replica.freshness import Freshness, Outcome, Verdict
from predict_api.replica.replica import Replica
from predict_api.scoring.interfaces import Prepared, Scorer
from predict_api.upstream.connection import Response as Http
from predict_api.upstream.freshness_check import read_answer
from tests.simulation.events import Clock, Events, Process
from tests.simulation.network import Network
from tests.simulation.server import MODEL, Server

DEADLINE = 0.25  # CHECK_DEADLINE_MS
REPORT_EVERY = 1.0
IDLE = 1.0
RETRY = 0.5
Answered = Callable[[ActiveVersion | None, bool], None]  # by what, and whether it is stale


@lru_cache
def prepared(version: str) -> Prepared:
    """`version`, ready; its estimator tells which one it is."""
    schema = Schema((Column("a"),))
    manifest = Manifest(MODEL, version, 1, "", schema.to_json(), {})
    return Prepared(manifest, cast("Scorer", version), RequestReader(schema))


class Worker(Process):
    """One replica; `slowness` is how long a preparation takes at most, `bad` which versions it cannot load."""

    def __init__(
        self, events: Events, random: Random, name: str, clock: Clock, network: Network, server: Server
    ) -> None:
        super().__init__(events, name, clock)
        self._random, self._network, self._server = random, network, server
        self.slowness = 0.3
        self.bad: set[str] = set()
        self.disk: set[str] = set()
        self.confirmed: Current | None = None

    def start(self) -> None:
        """Begin a life with nothing but the disk."""
        self.alive = True
        self.core = Replica(MODEL, self.confirmed, self._changed)
        self.freshness = Freshness(self.now())
        self._waiting: defaultdict[int, list[Answered]] = defaultdict(list)
        self._in_flight = 0  # the check whose answer is waited for
        self._timer = self._reports = self._work = 0
        self._preparing = False
        self._pump()
        self._report_in(0.0)
        self._work_in(IDLE)

    @property
    def serves(self) -> bool:
        """Whether requests are sent here."""
        return self.alive and self.core.active is not None

    def ask(self, answered: Answered) -> None:
        """A request arrived; `answered` is called with what answers it."""
        arrived = self.now()
        if self.freshness.leased(arrived):
            self._answer(answered, Verdict.CONFIRMED)
            return
        arrival = self.freshness.arrive(arrived)
        if arrival.verdict is not Verdict.WAIT:
            self._answer(answered, arrival.verdict)
            return
        self._waiting[arrival.check].append(answered)
        self._pump()
        self.after(DEADLINE, lambda: self._give_up(arrival.check, answered))

    def _give_up(self, check: int, answered: Answered) -> None:
        waiting = self._waiting.get(check, [])
        if answered in waiting:
            waiting.remove(answered)
            self._answer(answered, self.freshness.give_up(check))

    def _answer(self, answered: Answered, verdict: Verdict) -> None:
        """What is held is read after the verdict, once, and the model takes its time."""

        def read() -> None:
            held = self.core.active
            self.after(self._random.uniform(0.0, 0.002), lambda: answered(held, verdict is not Verdict.CONFIRMED))

        self.after(self._random.uniform(0.0, 0.0003), read)

    def _pump(self) -> None:
        due = self.freshness.next_send()
        if due is None:
            return
        self._timer += 1
        timer = self._timer
        self.after(due - self.now(), lambda: self._send(timer))

    def _send(self, timer: int) -> None:
        if timer != self._timer or self.freshness.in_flight:
            return
        sent_at = self.now()
        number = self._in_flight = self.freshness.send(sent_at)
        held = self.core.active.current if self.core.active else None
        reply = self._network.reply(self._server, self)

        def check() -> None:
            etag = held.etag if held else None
            self._server.check(etag, self.name, lambda http: reply(lambda: self._heard(number, http, held, sent_at)))

        def ask() -> None:
            self._network.send(self, self._server, check, lambda: self._failed(number))

        self.after(self._random.uniform(0.0, 0.0003), ask)
        self.after(DEADLINE, lambda: self._failed(number))

    def _heard(self, number: int, http: Http, held: Current | None, sent_at: float) -> None:
        if number != self._in_flight:
            return  # its connection is closed
        self._in_flight = 0
        lease_s = 0.0
        try:
            told = read_answer(http, MODEL, held)
            lease_s = told.lease
            outcome = self.core.on_answer(told, sent_at)
        except (MalformedAnswer, LowerSequence, OtherVersion):
            outcome = Outcome.FAILED
        self._see_to_work()
        self.after(self._random.uniform(0.0, 0.0003), lambda: self._finish(outcome, lease_s))

    def _failed(self, number: int) -> None:
        if number == self._in_flight:
            self._in_flight = 0
            self._finish(Outcome.FAILED, 0.0)

    def _finish(self, outcome: Outcome, lease_s: float) -> None:
        self.freshness.finish(outcome, self.now(), lease_s)
        for check in list(self._waiting):
            verdict = self.freshness.verdict(check)
            if verdict is not Verdict.WAIT:
                for answered in self._waiting.pop(check):
                    self._answer(answered, verdict)
        self._pump()

    def _see_to_work(self) -> None:
        if self.core.work.is_set():
            self.core.work.clear()
            self._work_in(0.0)

    def _work_in(self, seconds: float) -> None:
        self._work += 1
        work = self._work

        def do() -> None:
            if work == self._work and not self._preparing:
                self._prepare()

        self.after(seconds, do)

    def _prepare(self) -> None:
        version = self.core.to_prepare(self.now())
        if version is not None:
            self._preparing = True
            self._fetch(version)
            return
        if self.freshness.broken:
            self._fall_back()
        held = self.core.active
        known = self.confirmed.sequence if self.confirmed else 0
        if held is not None and not self.freshness.broken and known < held.current.sequence:
            self.confirmed = held.current
        self._work_in(IDLE)

    def _fetch(self, version: str) -> None:
        """From the disk, or from model_server, for as long as it is wanted."""
        if not self.core.still_wanted(version):
            self._preparing = False
            self._work_in(0.0)
            return
        took = self._random.uniform(0.005, self.slowness)
        if version in self.disk:
            self.after(took, lambda: self._load(version))
            return
        self._fall_back()
        reply = self._network.reply(self._server, self)
        fetched = False

        def arrived() -> None:
            nonlocal fetched
            if not fetched:
                fetched = True
                self.disk.add(version)
                self.after(took, lambda: self._load(version))

        def again() -> None:
            if not fetched:
                self._fetch(version)

        self._network.send(self, self._server, lambda: reply(arrived))
        self.after(RETRY, again)

    def _load(self, version: str) -> None:
        if not self._preparing:
            return
        self._preparing = False
        if version in self.bad:
            self.core.fail(version, "no module named trees", self.now())
        else:
            self.core.add(prepared(version))
            self.freshness.hasten(self.now())
            self._pump()
        self._work_in(0.0)

    def _fall_back(self) -> None:
        kept = self.confirmed
        if self.core.active is None and kept is not None and kept.version in self.disk - self.bad:
            self.core.start_from_cache(kept, prepared(kept.version), self.now())

    def _changed(self) -> None:
        self._report_in(0.0)

    def _report_in(self, seconds: float) -> None:
        self._reports += 1
        number = self._reports
        self.after(seconds, lambda: self._report(number))

    def _report(self, number: int) -> None:
        if number == self._reports:
            held, ready, failed = self.core.state()
            body = ReplicaReport(self.name, "host", self.life, held, ready, failed).to_json()
            self._network.send(self, self._server, lambda: self._server.report(body))
            self._report_in(REPORT_EVERY)

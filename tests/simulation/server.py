"""model_server in the simulated world: its own `LeasedPointer`, `Fleet`, `Rollout`, `answer`, `decide` and `take_over`.

What is done here between them mirrors threads and HTTP, one event a step, so that anything may come in between:
`start` -> `Background._load` and `_decide`; `audit.py` -> `Audit._run`; `check` and `report` -> `routes/current.py` and `routes/replicas.py`;
`begin` -> `Rollouts.begin`; `_perform` -> `Rollouts._drive` and `_do`; `_append` -> `Ledger.append`.
"""

import json
from collections.abc import Callable
from random import Random

from changeover.json_types import JsonObject
from changeover.protocol import lease
from changeover.protocol.wire import Current, ReplicaReport, RolloutState
from model_server.intake import startup
from model_server.ledger import takeover
from model_server.ledger.record import Rollout
from model_server.ledger.takeover import Takeover
from model_server.rollouts import rollout as machine
from model_server.rollouts.fleet import SILENCE_S, Fleet
from model_server.rollouts.freshness import answer
from model_server.rollouts.pointer import LeasedPointer
from model_server.rollouts.rollout import Action, Event
from predict_api.upstream.connection import Response as Http
from tests.simulation.audit import Audit, Audited
from tests.simulation.events import Clock, Events
from tests.simulation.store import Kept, Store

MODEL = "loan"
Told = Callable[[RolloutState, int | None], None]  # how a rollout ended, and its number
LOOK_EVERY = 0.25


class Server(Audited):
    """One model_server; `saw` is told of every action before it is done."""

    def __init__(
        self, events: Events, random: Random, clock: Clock, store: Store, leases_ms: list[int], prepare_timeout: float
    ) -> None:
        super().__init__(events, "server", clock)
        self._random, self.store, self._leases_ms = random, store, leases_ms
        self._prepare_timeout = prepare_timeout
        self.saw: Callable[[str], None] = lambda _name: None
        self.rolled_at_start: Callable[[str, float, RolloutState, int | None], None] = lambda *_: None
        self.lives = 0

    def start(self) -> None:
        """Begin a life with nothing but the store."""
        self.alive, self.ready, self.stopping = True, False, False
        self.lease_ms = self._leases_ms[min(self.lives, len(self._leases_ms) - 1)]
        self.instance = f"life-{self.lives}"
        self.lives += 1
        self.leased_pointer, self.fleet = LeasedPointer(), Fleet()
        self.rollout: Rollout | None = None
        self.overtaken: Kept | None = None
        self._told: list[Told] = []
        self._look_due = 0
        self._doing = False
        self._load()

    def stop(self) -> None:
        """SIGTERM: what is under way is given up, checks are answered until the end."""
        self.stopping = True
        self.after(self._random.uniform(0.0, 0.3), self.die)

    def _load(self) -> None:
        def again() -> None:
            self.after(self._random.uniform(0.05, 0.4), self._load)

        def read(newest: Kept) -> None:
            self.store.do(self, lambda: self.store.hint, lambda told: succeed(newest, told), again)

        def succeed(newest: Kept, told: JsonObject) -> None:
            found = takeover.take_over(told, newest.current, self.lease_ms)
            if found.hint is None:
                wait(newest, found)
            else:
                self.write_hint(found.hint, lambda: wait(newest, found), again)

        def wait(newest: Kept, found: Takeover) -> None:
            lease_s = found.lease_ms / 1000

            def settle() -> None:
                hint: JsonObject = {"sequence": newest.sequence, "lease_ms": max(found.lease_ms, self.lease_ms)}
                self.write_hint(
                    hint, lambda: self._answer_by(newest, lease_s), lambda: self._answer_by(newest, lease_s)
                )

            if found.wait:
                self.after(lease_s * (1 + lease.MARGIN), settle)
            else:
                self._answer_by(newest, lease_s)

        self.store.do(self, self.store.newest, read, again)

    def _answer_by(self, newest: Kept, lease_s: float) -> None:
        self.fleet.known_from = self.now() + SILENCE_S
        self.leased_pointer.succeed(newest.current, lease_s, self.now())
        self.ready = True
        self.saw("Ready")
        Audit(self).go_on()
        rolled = [Current(one.sequence, one.version) for one in self.store.ledger.values()]
        decision = startup.decide(newest.current, None, startup.pending_upload(self.store.marks, rolled))
        if decision.version is not None:
            version, began = decision.version, self.events.now
            self.begin(version, lambda state, number: self.rolled_at_start(version, began, state, number))

    def check(self, etag: str | None, replica: str, reply: Callable[[Http], None]) -> None:
        """`GET /models/{m}/current`: the time is read, and some time later the lease is granted."""
        if not self.ready:
            reply(Http(503, {}, b""))
            return
        self.fleet.heard(replica, self.now())
        read_at = self.now()

        def grant() -> None:
            pointer, lease_ms = self.leased_pointer.grant(self.lease_ms, read_at)
            told = answer(pointer, etag, self.instance, lease_ms)
            headers = {name.lower(): value for name, value in told.headers.items()}
            if told.current is None:
                reply(Http(404, headers | {"content-type": "application/problem+json"}, b"{}"))
            elif told.changed:
                reply(Http(200, headers, json.dumps(told.current.to_json(MODEL)).encode()))
            else:
                reply(Http(304, headers, b""))

        self.after(self._random.uniform(0.0, 0.0004), grant)

    def report(self, body: JsonObject) -> None:
        """`PUT /models/{m}/replicas/{replica}`."""
        if self.ready:
            self.fleet.reported(ReplicaReport.from_json(body), self.now())
            self.hasten()

    def begin(self, version: str, told: Told) -> None:
        """`POST /models/{m}/rollouts?wait=`; one that cannot begin is told as aborted, without a number."""
        current = self.leased_pointer.pointer.current
        if not self.ready or self.stopping or self.rollout is not None or self.overtaken:
            told(RolloutState.ABORTED, None)
            return
        if current is not None and current.version == version:
            told(RolloutState.COMMITTED, current.sequence)
            return
        self._told = [told]
        self.fleet.forget_failure(version)
        identity = f"{self.instance}-{self.events.now}"
        self._advance(
            machine.begin(
                Rollout(
                    id=identity,
                    model=MODEL,
                    sequence=current.sequence + 1 if current else 1,
                    version=version,
                    previous=current.version if current else None,
                    by="ann",
                    reason="better",
                    rolled_at="",
                    deadline=self.now() + self._prepare_timeout,
                )
            )
        )

    def rollback(self, told: Told) -> None:
        """`POST /models/{m}/rollback`."""
        current = self.leased_pointer.pointer.current
        entry = self.store.ledger.get(current.sequence) if self.ready and current else None
        previous = entry.previous if entry else None
        if previous is None:
            told(RolloutState.ABORTED, None)
            return
        self.begin(previous, told)

    def _advance(self, outcome: machine.Outcome) -> None:
        self.rollout, actions = outcome
        self._doing = True  # one thread drives: it looks at nothing before every action is done
        self._perform(list(actions))

    def _feed(self, event: Event) -> None:
        assert self.rollout is not None
        self._advance(machine.step(self.rollout, event, self.now()))

    def _perform(self, actions: list[Action]) -> None:
        """Do one action, then, some time later, the next; then wait for what happens."""
        assert self.rollout is not None
        if not actions:
            self._doing = False
            if self.rollout.over:
                self._end(self.rollout)
            elif self.rollout.state is RolloutState.PREPARING:
                self._look_soon(0.0)
            else:
                self._fence()
            return
        action, *rest = actions
        self.saw(type(action).__name__)
        match action:
            case machine.Announce(version):
                self.leased_pointer.announce(version)
            case machine.Withdraw():
                self.leased_pointer.announce(None)
            case machine.StopGranting():
                self.leased_pointer.stop_granting()
            case machine.GrantAgain():
                self.leased_pointer.grant_again()
            case machine.Flip(current) | machine.Adopt(current):
                self.leased_pointer.adopt(current)
            case machine.AppendLedger():
                self._append(self.rollout)
                return
            case machine.RecordAborted():
                pass
        self.after(self._random.uniform(0.0, 0.001), lambda: self._perform(rest))

    def _end(self, rollout: Rollout) -> None:
        told, self._told, self.rollout = self._told, [], None
        for tell in told:
            tell(rollout.state, rollout.sequence)

    def _look_soon(self, seconds: float) -> None:
        self._look_due += 1
        due = self._look_due
        self.after(seconds, lambda: self._look(due))

    def _look(self, due: int) -> None:
        preparing = self.rollout is not None and self.rollout.state is RolloutState.PREPARING
        if due != self._look_due or self._doing or not preparing:
            return
        self._look_due += 1
        if self.stopping:
            self._feed(machine.Stopped())
            return
        assert self.rollout is not None
        if self.overtaken is not None:
            self._feed(machine.LedgerTaken(self.overtaken.current))
            return
        look = self.fleet.look(self.rollout.version, self.now())
        if look.pending and not look.failed and self.now() < self.rollout.deadline:
            self._look_soon(LOOK_EVERY)
            return
        self._feed(look)

    def _fence(self) -> None:
        if self.stopping:
            self._feed(machine.Stopped())
        elif self.leased_pointer.granted.over(self.now()):
            self._feed(machine.LeasesOver())
        else:
            self.after(self.leased_pointer.granted.latest_expiry - self.now(), self._fence)

    def _append(self, rollout: Rollout, pause: float = 0.1) -> None:
        entry = Kept(rollout.sequence, rollout.version, rollout.previous, rollout.id)

        def again() -> None:
            if not self.stopping:  # in doubt: the next start reads the ledger
                wait = pause * self._random.uniform(0.5, 1.0)
                self.after(wait, lambda: self._append(rollout, min(2.0, pause * 2)))

        def created(holder: Kept) -> None:
            if holder.id != entry.id:
                newest = Current(max(self.store.ledger), self.store.ledger[max(self.store.ledger)].version)
                self._feed(machine.LedgerTaken(newest))
                return
            hint: JsonObject = {"sequence": entry.sequence, "lease_ms": self.lease_ms}
            self.write_hint(hint, appended, appended)

        def appended() -> None:
            self._feed(machine.LedgerAppended())

        self.store.do(self, lambda: self.store.create(entry), created, again)

    def hasten(self) -> None:
        """Look at the rollout that prepares, soon."""
        if not self._doing:
            self._look_soon(0.0)

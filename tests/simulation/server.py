"""model_server in the simulated world: the product's loops, ledger and rollouts on the simulated store.

Only HTTP is not simulated: `_check`, `_check_all`, `_report` and `_roll` stand for `routes/current.py`, `routes/replicas.py` and
`routes/rollouts.py`.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import cast

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.protocol.wire import CHECK_ALL, REPLICA_ID, SERVER_INSTANCE, ReplicaReport, ReplicaReports, RolloutState
from changeover.sealed.keys import SigningKey
from changeover.sealed.trust import Trust
from model_server.background.audit_loop import Audit
from model_server.background.startup_loop import Background
from model_server.intake.drop_zone import DropZone
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.problems import Problems
from model_server.rollouts.freshness import answer, headers_of, matches
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.promotion import Promotion, RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.sealing.chain_audit import ChainAudit
from model_server.sealing.floors import Floors
from model_server.sealing.seals import Seals
from model_server.versions.publish import Publisher
from model_server.versions.spool import Spool
from model_server.versions.versions import Versions
from predict_api.upstream.connection import Response
from tests.simulation.events import Clock, Events, Process
from tests.simulation.store import MODEL, Store

Reply = Callable[[Response], None]
Ended = Callable[[RolloutState, int | None, str | None], None]  # the end of a rollout, its number and its version
CHECK, CHANGED, REPORT = "check", "check with news", "report"  # the kinds of calls
POLL_S = 3600.0  # no upload waits in the drop zone


def trust_in(key: SigningKey | None) -> Trust | None:
    """The trust in the seals by `key`; None without one."""
    return None if key is None else Trust(lambda: [key.public])


class Server(Process):
    """One model_server."""

    def __init__(
        self,
        events: Events,
        random: Random,
        clock: Clock,
        store: Store,
        leases_ms: list[int],
        prepare_timeout: float,
        *,
        former: bool = False,
        key: SigningKey | None = None,
    ) -> None:
        """`former`: it is of the release before, without the calls for all models. `key`: the registry is sealed by it."""
        super().__init__(events, "server", clock)
        self._random, self.store, self._leases_ms = random, store, leases_ms
        self._prepare_timeout, self._former = prepare_timeout, former
        self._key, self._floors = key, Floors(None)
        self.runs = 0
        self.stopping = False
        self.paths: list[str] = []  # of the calls of replicas
        self.traffic: Counter[tuple[int, str]] = Counter()  # calls of replicas for all models, by second and kind
        self.models = Models()

    def start(self) -> None:
        """Begin a run with the store only, as `model_server/app.py` does."""
        self.begin()
        self.stopping = False
        self._lease_ms = self._leases_ms[min(self.runs, len(self._leases_ms) - 1)]
        self._instance = f"run-{self.runs}"
        self.runs += 1
        store, problems = self.store, Problems()
        self.models = models = Models()
        seals = Seals(store, problems, self._key, trust_in(self._key), self._floors)
        versions = Versions(store, problems, seals)
        ledger = Ledger(store, self._lease_ms, problems, seals, versions.named)
        promotion = Promotion(versions)
        self._rollouts = Rollouts(models, ledger, versions, store, self._prepare_timeout, {}, problems, promotion)
        publisher, spool = cast("Publisher", None), cast("Spool", None)
        drop_zone = DropZone(store, models, publisher, versions, spool, MODEL, problems)
        audit = Audit(models, ledger, problems, ChainAudit(store, seals, versions))
        self.problems = problems
        self._background = Background(
            store, models, ledger, versions, self._rollouts, drop_zone, None, "at-start", POLL_S, audit, problems
        )
        self._background.start()

    @property
    def ready(self) -> bool:
        """Whether it has read the ledger."""
        return self.alive and self.models.ready.is_set()

    @property
    def state(self) -> ModelState:
        """The state of the model."""
        return self.models.get(MODEL)

    @property
    def rollout(self) -> Rollout | None:
        """A rollout under way."""
        return next((state.rollout for state in self.models.all() if state.rollout is not None), None)

    def rollout_of(self, model: str) -> Rollout | None:
        """The rollout of a model that is under way."""
        return self.models.get(model).rollout

    def stop(self) -> None:
        """SIGTERM: the rollout under way is aborted, checks are answered until the end."""
        self.stopping = True
        self._background.stop()
        self._rollouts.stop()
        self.look()
        self.after(self._random.uniform(0.0, 0.3), self.die)

    def respond(self, path: str, headers: Mapping[str, str], body: bytes | None, reply: Reply) -> None:
        """Respond to a request of a replica."""
        self.paths.append(path)
        match path.strip("/").split("/"):
            case ["models", model, "current"]:
                self._check(model, headers.get("If-None-Match"), headers[REPLICA_ID], reply)
            case ["current"] if not self._former:
                self._check_all(headers.get("If-None-Match"), headers[REPLICA_ID], reply)
            case ["models", model, "replicas", _]:
                stored = self._store({model: ReplicaReport.from_json(json.loads(body or b""))})
                reply(Response(204 if stored else 404, {}, b""))
            case ["replicas", replica] if not self._former:
                self._report(replica, json.loads(body or b""), reply)
            case ["artifact", _]:
                reply(Response(200, {}, b""))
            case _:
                reply(Response(404, {}, b""))

    def _check_all(self, etag: str | None, replica: str, reply: Reply) -> None:
        """`GET /current`: the time is read, and some time later the lease is granted."""
        self.models.replica_heard_at = self.now()
        if not self.ready:
            reply(Response(503, {}, b""))
            return
        self.models.contacts.heard(replica, self.now())
        models, read_at = self.models, self.now()

        def grant() -> None:
            response, lease_ms = models.shared.grant(None, self._lease_ms, read_at)
            headers = {**headers_of(self._instance, lease_ms), "ETag": response.etag}
            known = matches(response.etag, etag)
            self.traffic[int(self.events.now), CHECK if known else CHANGED] += 1
            sent = {name.lower(): value for name, value in headers.items()}
            reply(Response(304 if known else 200, sent, b"" if known else response.body))

        self.after(self._random.uniform(0.0, 0.0004), grant)

    def _check(self, model: str, etag: str | None, replica: str, reply: Reply) -> None:
        """`GET /models/{m}/current`: the time is read, and some time later the lease is granted."""
        self.models.replica_heard_at = self.now()
        if not self.ready:
            reply(Response(503, {}, b""))
            return
        state, read_at = self.models.get(model), self.now()
        state.fleet.heard(replica, read_at)

        def grant() -> None:
            pointer, lease_ms = state.grant(self._lease_ms, read_at)
            response = answer(pointer, etag, self._instance, lease_ms)
            former = {CHECK_ALL.lower()} if self._former else set()
            headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in former}
            if response.current is None:
                reply(Response(404, headers | {"content-type": "application/problem+json"}, b"{}"))
            elif response.changed:
                reply(Response(200, headers, json.dumps(response.body(model)).encode()))
            else:
                reply(Response(304, headers, b""))

        self.after(self._random.uniform(0.0, 0.0004), grant)

    def _report(self, replica: str, body: JsonObject, reply: Reply) -> None:
        """`PUT /replicas/{replica}`."""
        self.traffic[int(self.events.now), REPORT] += 1
        self.models.contacts.add(replica, self.now())
        reports = ReplicaReports.from_json(body)
        stored = self._store(reports)
        not_stored = {model: "unknown" for model in reports if model not in stored}
        headers = {SERVER_INSTANCE.lower(): self._instance}
        reply(Response(200, headers, json.dumps({"not_stored": not_stored}).encode()))

    def _store(self, reports: Mapping[str, ReplicaReport]) -> list[str]:
        """Store the reports; returns the models that this server has."""
        states = {model: self.models.find(model) for model in reports}
        for model, state in states.items():
            if state is not None:
                state.fleet.reported(reports[model], self.now())
                state.news.set()
        return [model for model, state in states.items() if state is not None]

    def roll(self, version: str | None, ended: Ended, model: str = MODEL) -> None:
        """`POST /models/{m}/rollouts` or, without a version, `/rollback`, and the wait for the end.

        A rollout that cannot begin ends as aborted, without a number.
        """
        self.after(0.0, self.thread(lambda: self._roll(model, version, ended)))

    def _roll(self, model: str, version: str | None, ended: Ended) -> None:
        try:
            self.models.require_ready()
            request = RollRequest("ann", "better", exempt=version is None)
            begun = self._rollouts.begin(model, version or self._rollouts.previous(model), request)
        except ChangeoverError:
            ended(RolloutState.ABORTED, None, version)
            return
        self.wait(None, lambda: self._latest(begun).over)
        rollout = self._latest(begun)
        ended(rollout.state, rollout.sequence, rollout.version)

    def _latest(self, rollout: Rollout) -> Rollout:
        return self._rollouts.find(rollout.model, rollout.id) or rollout

"""model_server in the simulated world: the product's loops, ledger and rollouts on the simulated store.

Only HTTP is not simulated: `_check`, `_report` and `_roll` stand for `routes/current.py`, `routes/replicas.py` and
`routes/rollouts.py`.
"""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import cast

from changeover.exceptions import ChangeoverError
from changeover.protocol.wire import REPLICA_ID, ReplicaReport, RolloutState
from model_server.background.audit_loop import Audit
from model_server.background.startup_loop import Background
from model_server.intake.drop_zone import DropZone
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.problems import Problems
from model_server.rollouts.freshness import answer
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.promotion import Promotion, RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.versions.publish import Publisher
from model_server.versions.spool import Spool
from model_server.versions.versions import Versions
from predict_api.upstream.connection import Response
from tests.simulation.events import Clock, Events, Process
from tests.simulation.store import MODEL, Store

Reply = Callable[[Response], None]
Ended = Callable[[RolloutState, int | None, str | None], None]  # the end of a rollout, its number and its version
POLL_S = 3600.0  # no upload waits in the drop zone


class Server(Process):
    """One model_server."""

    def __init__(
        self, events: Events, random: Random, clock: Clock, store: Store, leases_ms: list[int], prepare_timeout: float
    ) -> None:
        super().__init__(events, "server", clock)
        self._random, self.store, self._leases_ms = random, store, leases_ms
        self._prepare_timeout = prepare_timeout
        self.runs = 0
        self.stopping = False
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
        ledger, versions = Ledger(store, self._lease_ms, problems), Versions(store, problems)
        promotion = Promotion(versions)
        self._rollouts = Rollouts(models, ledger, versions, store, self._prepare_timeout, {}, problems, promotion)
        publisher, spool = cast("Publisher", None), cast("Spool", None)
        drop_zone = DropZone(store, models, publisher, versions, spool, MODEL, problems)
        audit = Audit(models, ledger, problems)
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
        """The rollout under way."""
        return self.state.rollout

    def stop(self) -> None:
        """SIGTERM: the rollout under way is aborted, checks are answered until the end."""
        self.stopping = True
        self._background.stop()
        self._rollouts.stop()
        self.look()
        self.after(self._random.uniform(0.0, 0.3), self.die)

    def respond(self, path: str, headers: Mapping[str, str], body: bytes | None, reply: Reply) -> None:
        """Respond to a request of a replica."""
        if path == f"/models/{MODEL}/current":
            self._check(headers.get("If-None-Match"), headers[REPLICA_ID], reply)
        elif body is not None:
            self._report(ReplicaReport.from_json(json.loads(body)), reply)
        else:
            reply(Response(200, {}, b""))

    def _check(self, etag: str | None, replica: str, reply: Reply) -> None:
        """`GET /models/{m}/current`: the time is read, and some time later the lease is granted."""
        self.models.replica_heard_at = self.now()
        if not self.ready:
            reply(Response(503, {}, b""))
            return
        state, read_at = self.state, self.now()
        state.fleet.heard(replica, read_at)

        def grant() -> None:
            pointer, lease_ms = state.grant(self._lease_ms, read_at)
            response = answer(pointer, etag, self._instance, lease_ms)
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.current is None:
                reply(Response(404, headers | {"content-type": "application/problem+json"}, b"{}"))
            elif response.changed:
                reply(Response(200, headers, json.dumps(response.current.to_json(MODEL)).encode()))
            else:
                reply(Response(304, headers, b""))

        self.after(self._random.uniform(0.0, 0.0004), grant)

    def _report(self, report: ReplicaReport, reply: Reply) -> None:
        """`PUT /models/{m}/replicas/{replica}`."""
        state = self.models.find(MODEL)
        if state is not None:
            state.fleet.reported(report, self.now())
            state.news.set()
        reply(Response(204 if state else 404, {}, b""))

    def roll(self, version: str | None, ended: Ended) -> None:
        """`POST /models/{m}/rollouts` or, without a version, `/rollback`, and the wait for the end.

        A rollout that cannot begin ends as aborted, without a number.
        """
        self.after(0.0, self.thread(lambda: self._roll(version, ended)))

    def _roll(self, version: str | None, ended: Ended) -> None:
        try:
            self.models.require_ready()
            request = RollRequest("ann", "better", exempt=version is None)
            begun = self._rollouts.begin(MODEL, version or self._rollouts.previous(MODEL), request)
        except ChangeoverError:
            ended(RolloutState.ABORTED, None, version)
            return
        self.wait(None, lambda: self._latest(begun).over)
        rollout = self._latest(begun)
        ended(rollout.state, rollout.sequence, rollout.version)

    def _latest(self, rollout: Rollout) -> Rollout:
        return self._rollouts.find(MODEL, rollout.id) or rollout

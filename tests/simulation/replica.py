"""One worker of predict_api in the simulated world: the product's loops over the simulated network.

The disk outlives the process: the prepared versions, and the version that was confirmed last.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from random import Random
from typing import cast

from changeover.exceptions import ChangeoverError
from changeover.manifest.manifest import Manifest
from changeover.protocol.replica_identity import ReplicaIdentity
from changeover.protocol.wire import LARGEST_BODY, Current
from changeover.request.reader import RequestReader
from changeover.schema.schema import Column, Schema
from changeover.sealed.envelope import Envelope
from changeover.sealed.trust import Trust
from predict_api.exceptions import ArtifactUnavailable, CallFailed, NoModel
from predict_api.models.models import Model
from predict_api.models.report_loop import Reports
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.placement import Preparer
from predict_api.preparation.prepare_loop import Preparation
from predict_api.replica.active import ActiveVersion
from predict_api.replica.freshness_loop import FreshnessLoop
from predict_api.replica.replica import Replica
from predict_api.scoring.interfaces import Prepared, Scorer
from predict_api.upstream.connection import Connection, Response
from predict_api.upstream.downloads import Fetch
from predict_api.upstream.set_check import SetCheck
from tests.simulation.events import Clock, Events, Process
from tests.simulation.network import Network
from tests.simulation.server import Server
from tests.simulation.store import MODEL

DEADLINE = 0.25  # CHECK_DEADLINE_MS
DOWNLOAD_S = 0.5  # seconds: the network is fast or broken, and TCP would repeat within this time
Answered = Callable[[ActiveVersion | None, bool], None]  # the active version, and whether it is stale


@lru_cache
def manifest(model: str, version: str) -> Manifest:
    """The manifest of `version`."""
    return Manifest(model, version, 1, "", Schema((Column("a"),)).to_json(), {})


@lru_cache
def prepared(model: str, version: str) -> Prepared:
    """`version`, ready to answer; its scorer is its name."""
    schema = Schema((Column("a"),))
    return Prepared(manifest(model, version), cast("Scorer", version), RequestReader(schema))


class Calls(Connection):
    """The connection of one thread to model_server, over the simulated network."""

    def __init__(self, network: Network, source: Process, server: Server, random: Random) -> None:
        self._network, self._source, self._server, self._random = network, source, server, random

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        *,
        body: bytes | None = None,
        largest: int = LARGEST_BODY,
        gently: bool = False,
    ) -> Response:
        network, source, server = self._network, self._source, self._server
        responses: list[Response | None] = []
        reply = network.reply(server, source)

        def send() -> None:
            network.send(
                source,
                server,
                lambda: server.respond(path, headers, body, lambda one: reply(lambda: responses.append(one))),
                lambda: responses.append(None),
            )

        source.after(self._random.uniform(0.0, 0.0003), send)
        source.wait(deadline - source.now(), lambda: bool(responses))
        if not responses:
            raise CallFailed("timeout", "no response within the deadline")
        if responses[0] is None:
            raise CallFailed("refused", "no process listens")
        return responses[0]


class Downloads(Fetch):
    """The downloads of a replica: only the time that they take is simulated."""

    def __init__(self, connection: Calls, process: Process, model: str) -> None:
        self._connection, self._process, self._model = connection, process, model

    def manifest(self, version: str) -> Manifest:
        return manifest(self._model, version)

    def artifact(self, manifest: Manifest, *, gently: bool = False) -> bytes:
        try:
            deadline = self._process.now() + DOWNLOAD_S
            return self._connection.call("GET", f"/artifact/{manifest.version}", {}, deadline).body
        except CallFailed as error:
            raise ArtifactUnavailable(str(error)) from error


class Disk(Cache):
    """The disk cache of one replica."""

    def __init__(self) -> None:
        super().__init__(None)
        self._artifacts: dict[str, bytes] = {}
        self._currents: dict[str, Current] = {}

    def artifact(self, model: str, version: str, download: Callable[[], bytes], *, gently: bool = False) -> bytes:
        if version not in self._artifacts:
            self._artifacts[version] = download()
        return self._artifacts[version]

    def manifest(self, model: str, version: str) -> Manifest | None:
        return manifest(model, version) if version in self._artifacts else None

    def current(self, model: str) -> Current | None:
        return self._currents.get(model)

    def confirmed_at(self, model: str) -> float:
        return float("inf")  # the age is 0

    def keep_current(self, model: str, current: Current, seal: Envelope | None = None) -> None:
        known = self._currents.get(model)
        if known is None or known.sequence < current.sequence:
            self._currents[model] = current


class Worker(Process):
    """One replica; `slowness` is the longest time of a preparation, `bad` are the versions that it cannot load."""

    def __init__(
        self,
        events: Events,
        random: Random,
        name: str,
        clock: Clock,
        network: Network,
        server: Server,
        names: tuple[str, ...],
        trust: Trust | None = None,
    ) -> None:
        super().__init__(events, name, clock)
        self._trust = trust
        self._random, self._network, self._server, self._names = random, network, server, names
        self.slowness = 0.3
        self.bad: set[str] = set()
        self.ready_at: dict[str, float] = {}  # the time at which each version was last prepared here
        self._disk = Disk()

    def start(self) -> None:
        """Begin a run with the disk only, as `predict_api/app.py` and `predict_api/models/models.py` do."""
        self.begin()
        identity = ReplicaIdentity(self.name, "")
        call = SetCheck(self._calls(), identity, "", DEADLINE, lists=True)
        checks = FreshnessLoop(call, DEADLINE, self._checked)
        self._reports = Reports(self._calls(), identity, "", self._replicas, lambda: checks.answer)
        self.models = {name: self._model(name, checks) for name in self._names}
        for loop in (checks, *(model.preparation for model in self.models.values()), self._reports):
            loop.start()

    def _model(self, name: str, checks: FreshnessLoop) -> Model:
        replica = Replica(name, self._disk.current(name), partial(self._reports.changed, name), self._trust)
        freshness, downloads = checks.add(replica), Downloads(self._calls(), self, name)
        preparer = cast("Preparer", self)
        return Model(replica, freshness, Preparation(replica, freshness, downloads, self._disk, preparer, lambda: 0.0))

    def _checked(self) -> None:
        self._reports.wake.set()

    def _replicas(self) -> list[Replica]:
        return [model.replica for model in self.models.values()]

    def _calls(self) -> Calls:
        return Calls(self._network, self, self._server, self._random)

    def prepared(
        self,
        manifest: Manifest,
        artifact: Callable[[], bytes],
        again: Callable[[], bytes] | None = None,
        *,
        gently: bool = False,
    ) -> Prepared:
        """As `Preparer.prepared`."""
        artifact()
        self.wait(self._random.uniform(0.005, self.slowness))
        if manifest.version in self.bad:
            raise ChangeoverError("no module named trees")
        self.ready_at[manifest.version] = self.events.now
        return prepared(manifest.model, manifest.version)

    def active(self, model: str = MODEL) -> ActiveVersion | None:
        """The active version of a model."""
        return self.models[model].replica.active if self.alive else None

    def serves(self, model: str) -> bool:
        """Whether requests for a model are sent here."""
        return self.active(model) is not None

    def ask(self, answered: Answered, model: str = MODEL) -> None:
        """A request arrives; `answered` is called with the version that answers it."""
        self.after(0.0, self.thread(lambda: self._answer(answered, model)))

    def _answer(self, answered: Answered, model: str) -> None:
        try:
            active, stale = self.models[model].active_version()
        except NoModel:
            answered(None, True)
            return
        self.after(self._random.uniform(0.0, 0.002), lambda: answered(active, stale))

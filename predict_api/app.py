"""The application of one worker: cache, models, discovery, reports, routes. It starts nothing before `start`."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from flask import Blueprint, Flask

from changeover.process import tracing
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.traced_wsgi import traced
from changeover.protocol.replica_identity import new_identity
from changeover.tls.calls import CallContexts
from changeover.tls.files import of_calls
from predict_api.dialects import known
from predict_api.dialects.vertex import at as predictions_at
from predict_api.drift.counting_loop import Counting
from predict_api.edge.application import EdgeApplication
from predict_api.edge.callers import Callers
from predict_api.edge.queue import threads_of_a_worker
from predict_api.models.discovery_loop import Discovery
from predict_api.models.models import Models
from predict_api.models.report_loop import Reports
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.pinned.pinned_models import PinnedModels
from predict_api.preparation.disk_cache import Cache
from predict_api.rehearsal.sampling_loop import RehearsalLoop
from predict_api.replica.freshness_loop import FreshnessLoop
from predict_api.routes import (
    apidocs,
    callers,
    cors,
    dialects,
    fast_predict,
    health,
    host_check,
    mlflow,
    models,
    open_inference,
    openapi,
    path_prefix,
    predict,
    problems,
    request_log,
    tensorflow_serving,
    vetiver,
)
from predict_api.routes import vertex as vertex_routes
from predict_api.routes.context import WorkerContext
from predict_api.runner_settings import host_client
from predict_api.scoring.runner_scorer import ScoreLimits
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings
from predict_api.upstream.connection import Connection, port_of
from predict_api.upstream.dns import Lookup
from predict_api.upstream.set_check import SetCheck

# the calls of a dialect other than predictions
_OTHER_CALLS: Final[Mapping[str, Callable[[WorkerContext], Blueprint]]] = {
    "oip": open_inference.blueprint,
    "mlflow": mlflow.blueprint,
    "tfs": tensorflow_serving.blueprint,
    "vetiver": vetiver.blueprint,
}


class Application:
    """One worker of predict_api: a replica of its own."""

    def __init__(self, settings: PredictSettings, metrics_directory: Path, draining: Callable[[], bool]) -> None:
        self._settings = settings
        self.identity = new_identity(socket.gethostname(), os.getpid())
        address = urlsplit(settings.model_server_url)
        tls = CallContexts(of_calls(settings)) if address.scheme == "https" else None
        lookup = Lookup(address.hostname or "", port_of(settings.model_server_url), tls)
        cache = Cache(settings.cache_dir)
        runners = _runners(settings, metrics_directory)
        url, token = settings.model_server_url, settings.report_token.get_secret_value()
        call = SetCheck(
            Connection(url, lookup), self.identity, token, settings.check_deadline, lists=not settings.model_names
        )
        checks = FreshnessLoop(call, settings.check_deadline, self._checked)
        self.models = Models(settings, lookup, cache, self._changed, runners, checks)
        self._discovery = Discovery(settings, lookup, cache, self.models, self.identity, checks)
        self._reports = Reports(
            Connection(url, lookup), self.identity, token, self.models.replicas, lambda: checks.answer
        )
        self._counting = Counting(
            Connection(url, lookup), self.identity, token, self.models.pending, lambda: checks.answer
        )
        self._rehearsals = RehearsalLoop(self.models.replicas)
        self.wsgi = _routes(WorkerContext(settings, self.models, self._discovery, draining, metrics_directory))
        self.edge = EdgeApplication(self.wsgi, settings, draining)

    def start(self) -> None:
        """Find the models and wait, START_TIMEOUT at most, until each is held or known to have nothing to hold.

        A worker that listens takes its share of the connections, so it does not listen before it can answer.
        """
        self.models.start()
        self.edge.start()
        self._discovery.start()
        self._reports.start()
        self._counting.start()
        self._rehearsals.start()
        deadline = now() + self._settings.start_timeout
        self._discovery.looked.wait(max(0.0, deadline - now()))
        for replica in self.models.replicas():
            replica.settled.wait(max(0.0, deadline - now()))
        active = [replica.model for replica in self.models.replicas() if replica.active is not None]
        event("worker.started", replica=self.identity.id, models=active)

    def leave(self) -> None:
        """All requests are answered: have model_server wait for this replica no more."""
        self._discovery.stop()
        self._counting.leave()
        self._rehearsals.stop()
        self._reports.leave()
        self.models.stop()
        event("worker.left", replica=self.identity.id)

    def _changed(self, model: str) -> None:
        self._reports.changed(model)

    def _checked(self) -> None:
        """The models of model_server have changed, or it has restarted."""
        self._discovery.wake.set()
        self._reports.wake.set()


class PinnedApplication:
    """One worker of predict_api that serves the artifact `file`, without model_server."""

    def __init__(
        self, file: PinnedFile, settings: PredictSettings, metrics_directory: Path, draining: Callable[[], bool]
    ) -> None:
        runners = _runners(settings, metrics_directory)
        self._models = PinnedModels(settings, file, metrics_directory, runners)
        self.wsgi = _routes(WorkerContext(settings, self._models, self._models, draining, metrics_directory))
        self.edge = EdgeApplication(self.wsgi, settings, draining)

    def start(self) -> None:
        """Begin to load the artifact."""
        self.edge.start()
        self._models.start()
        event("worker.started", models=[model.replica.model for model in self._models.all()])

    def leave(self) -> None:
        """Stop, after all requests are answered."""
        self._models.stop()


def _runners(settings: PredictSettings, directory: Path) -> Runners:
    """The processes that run models, as one worker of the instance uses them."""
    limits = ScoreLimits(settings.score_timeout, threads_of_a_worker(settings.threads) // 2)
    return Runners(directory, host_client(directory, settings), limits)


def _routes(worker: WorkerContext) -> WSGIApplication:
    app = Flask("predict_api", static_folder=None)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    problems.register(app)
    for routes in (predict, models, health, openapi):
        app.register_blueprint(routes.blueprint(worker))
    app.register_blueprint(apidocs.blueprint(keys=worker.settings.keys_file is not None))
    for name in worker.settings.dialect_names:
        if name in _OTHER_CALLS:
            app.register_blueprint(_OTHER_CALLS[name](worker))
    spoken = known.dialects(worker.settings.dialect_names)
    if worker.settings.predict_route:
        spoken = (*spoken, predictions_at(worker.settings.predict_route))
    if worker.settings.health_route:
        app.register_blueprint(vertex_routes.blueprint(worker, worker.settings.health_route))
    predictions = fast_predict.in_front_of(dialects.in_front_of(app, worker, spoken), worker)
    guarded = host_check.guarded(_at_the_edge(predictions, worker), worker.settings.hosts)
    recorded = request_log.recorded(path_prefix.taken_off(dialects.worded(guarded, spoken), worker.settings))
    otel = tracing.active()
    return recorded if otel is None else traced(recorded, otel, request_log.is_recorded, request_log.span_of)


def _at_the_edge(app: WSGIApplication, worker: WorkerContext) -> WSGIApplication:
    """`app` behind the checks of keys and origins that the settings ask for."""
    settings = worker.settings
    if settings.keys_file is not None:
        app = callers.checked(app, Callers(settings.keys_file, worker.metrics_directory), {settings.health_route})
    return cors.shared(app, settings.origins) if settings.origins else app

"""The application of one worker: cache, models, discovery, reports, routes. It starts nothing before `start`."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from flask import Flask

from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.protocol.replica_identity import new_identity
from predict_api.edge.application import EdgeApplication
from predict_api.edge.queue import threads_of_a_worker
from predict_api.models.discovery_loop import Discovery
from predict_api.models.models import Models
from predict_api.models.report_loop import Reports
from predict_api.preparation.disk_cache import Cache
from predict_api.routes import (
    apidocs,
    fast_predict,
    health,
    host_check,
    models,
    openapi,
    predict,
    problems,
    request_log,
)
from predict_api.routes.context import WorkerContext
from predict_api.runner_settings import host_client
from predict_api.scoring.runner_scorer import ScoreLimits
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings
from predict_api.upstream.connection import Connection
from predict_api.upstream.dns import Lookup


class Application:
    """One worker of predict_api: a replica of its own."""

    def __init__(self, settings: PredictSettings, metrics_directory: Path, draining: Callable[[], bool]) -> None:
        self._settings = settings
        self.identity = new_identity(socket.gethostname(), os.getpid())
        address = urlsplit(settings.model_server_url)
        lookup = Lookup(address.hostname or "", address.port or 80)
        cache = Cache(settings.cache_dir)
        limits = ScoreLimits(settings.score_timeout, threads_of_a_worker(settings.threads) // 2)
        runners = Runners(metrics_directory, host_client(metrics_directory, settings), limits)
        self.models = Models(settings, lookup, cache, self.identity, self._changed, runners)
        self._discovery = Discovery(settings, lookup, cache, self.models, self.identity)
        self._reports = Reports(
            Connection(settings.model_server_url, lookup),
            self.identity,
            settings.report_token.get_secret_value(),
            self.models.replicas,
        )
        self.wsgi = _routes(WorkerContext(settings, self.models, self._discovery, draining, metrics_directory))
        self.edge = EdgeApplication(self.wsgi, settings)

    def start(self) -> None:
        """Find the models and wait, START_TIMEOUT at most, until each is held or known to have nothing to hold.

        A worker that listens takes its share of the connections, so it does not listen before it can answer.
        """
        self.models.runners.begin()
        self.edge.start()
        self._discovery.start()
        self._reports.start()
        deadline = now() + self._settings.start_timeout
        self._discovery.looked.wait(max(0.0, deadline - now()))
        for replica in self.models.replicas():
            replica.settled.wait(max(0.0, deadline - now()))
        active = [replica.model for replica in self.models.replicas() if replica.active is not None]
        event("worker.started", replica=self.identity.id, models=active)

    def leave(self) -> None:
        """All requests are answered: have model_server wait for this replica no more."""
        self._discovery.stop()
        self._reports.leave()
        self.models.stop()
        event("worker.left", replica=self.identity.id)

    def _changed(self) -> None:
        self._reports.wake.set()


def _routes(worker: WorkerContext) -> WSGIApplication:
    app = Flask("predict_api", static_folder=None)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    problems.register(app)
    for routes in (predict, models, health, openapi):
        app.register_blueprint(routes.blueprint(worker))
    app.register_blueprint(apidocs.blueprint())
    return request_log.recorded(host_check.guarded(fast_predict.in_front_of(app, worker), worker.settings.hosts))

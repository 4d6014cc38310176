"""The application factory of model_server: it creates the parts and connects them."""

import secrets
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, g, request

from changeover.exceptions import UnknownHost
from changeover.process import log_events, tracing
from changeover.process.own_networks import with_names_replaced
from changeover.process.traced_wsgi import TRACEPARENT as IN_ENVIRON
from changeover.process.traced_wsgi import traced
from changeover.protocol.allowed_hosts import AllowedHosts
from changeover.protocol.trace_context import trace_id
from changeover.protocol.wire import REQUEST_ID, TRACEPARENT
from changeover.tls.calls import CallContexts
from changeover.tls.files import of_calls
from model_runner.admission.examiner import Examiner, Limits
from model_server import metrics
from model_server.access.gate import Gate
from model_server.access.sessions import Sessions
from model_server.access.tokens import Tokens
from model_server.background.audit_loop import Audit
from model_server.background.index_loop import IndexLoop
from model_server.background.startup_loop import Background
from model_server.background.webhook_loop import WebhookLoop
from model_server.console.parts import Parts
from model_server.drift.drift import Drift
from model_server.intake.drop_zone import DropZone
from model_server.intake.pinned import Pin
from model_server.ledger.ledger import Ledger
from model_server.problems import Problems
from model_server.rollouts.model_state import Models
from model_server.rollouts.past import Past
from model_server.rollouts.promotion import Promotion
from model_server.rollouts.rollouts import Rollouts
from model_server.routes import console, console_acts, current, health, login, openapi, problems, replicas
from model_server.routes import drift as drift_calls
from model_server.routes import models as model_calls
from model_server.routes import rollouts as rollout_calls
from model_server.routes import versions as version_calls
from model_server.routes.console_frame import Frame
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.settings import ServerSettings
from model_server.versions.publish import Publisher
from model_server.versions.spool import Spool
from model_server.versions.versions import Versions
from model_server.webhooks.event import drift_detected
from model_server.webhooks.outbox import Outbox
from model_server.webhooks.sender import Sender
from object_store.bucket import Bucket
from object_store.settings import StoreSettings

_QUIET = frozenset(
    {
        *("current.current", "current.current_of_all", "replicas.report", "replicas.report_all", "drift.counts"),
        *("health.livez", "health.readyz", "health.exposition", "console.live_part", "console.static"),
    }
)


def create_app(settings: ServerSettings, store: StoreSettings) -> tuple[Flask, Callable[[], None]]:
    """Build model_server and start its background threads; returns the app, for one process, and its stop function."""
    bucket = Bucket(store)
    open_problems, models = Problems(), Models()
    ledger, versions = Ledger(bucket, settings.lease_ms, open_problems), Versions(bucket, open_problems)
    examiner = Examiner(_limits(settings), frozenset(settings.extra_globals), settings.environments_dir)
    spool = Spool(settings.spool_dir, settings.max_model_bytes)
    publisher = Publisher(versions, examiner, models.in_use)
    pin = _pin(settings, bucket, spool, publisher)
    pins = {pin.model: pin.version} if pin else {}
    promotion = Promotion(versions, settings.conditions, settings.allow_schema_change, settings.rehearse)
    rollouts = Rollouts(models, ledger, versions, bucket, settings.prepare_timeout, pins, open_problems, promotion)
    drop_zone = DropZone(bucket, models, publisher, versions, spool, settings.default_model, open_problems)
    polls = (settings.roll_incoming, settings.incoming_poll)
    services = (bucket, models, ledger, versions, rollouts, drop_zone, pin)
    background = Background(*services, *polls, audit=Audit(models, ledger, open_problems), problems=open_problems)
    outbox = Outbox(bucket, open_problems) if settings.webhook_addresses else None
    drift = Drift(models, versions, bucket, partial(_announce_drift, outbox))
    tokens = settings.tokens()
    guard = _guard(settings, tokens)
    app = Flask("model_server", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask types it by the protocol that lacks it
    _observe(app, settings.hosts)
    otel = tracing.active()
    if otel is not None:
        app.wsgi_app = traced(app.wsgi_app, otel, _has_a_span)  # type: ignore[assignment,method-assign]
    problems.register(app)
    calls, instance = VersionCalls(models, versions, ledger, bucket), secrets.token_hex(8)
    app.register_blueprint(openapi.blueprint(settings.default_model))
    app.register_blueprint(current.blueprint(models, instance, settings.lease_ms, guard))
    app.register_blueprint(replicas.blueprint(models, guard, instance))
    app.register_blueprint(drift_calls.blueprint(calls, guard, drift, instance))
    app.register_blueprint(version_calls.blueprint(calls, publisher, spool, guard))
    app.register_blueprint(rollout_calls.blueprint(calls, rollouts, guard))
    app.register_blueprint(health.blueprint(calls, guard, open_problems, examiner.confinement, pins))
    app.register_blueprint(login.blueprint(guard, tokens))
    app.register_blueprint(model_calls.blueprint(calls, guard, pins, settings.default_model))
    past = Past(ledger, rollouts.aborted)
    parts = Parts(
        models, versions, past, promotion, pins, settings.default_model, settings.runtime, drift.reports.behaviour
    )
    publish = partial(version_calls.receive_version, calls, publisher, spool)
    _add_console(app, guard, parts, rollouts, publish, settings)
    index_loop = IndexLoop(models, versions, past)
    log_events.event(
        "server.started", confinement=examiner.confinement, default_model=settings.default_model, pins=pins
    )
    loops = [background, index_loop, drift.closing, *_webhooks(settings, bucket, parts, open_problems, outbox)]
    for loop in loops:
        loop.start()

    def stop() -> None:
        for loop in loops:
            loop.stop()
        rollouts.stop()
        examiner.close()
        tracing.stop()

    return app, stop


def _pin(settings: ServerSettings, bucket: Bucket, spool: Spool, publisher: Publisher) -> Pin | None:
    if not settings.pinned_version:
        return None
    return Pin(settings.default_model, settings.pinned_version, settings.model_uri, bucket, spool, publisher)


def _guard(settings: ServerSettings, tokens: Tokens) -> Guard:
    gate = Gate(
        tokens,
        settings.report_token.get_secret_value(),
        with_names_replaced(settings.replica_networks, "REPLICA_NETWORKS"),
        anonymous_reads=settings.allow_anonymous_reads,
    )
    proxies = with_names_replaced(settings.trusted_proxies, "TRUSTED_PROXIES")
    return Guard(gate, Sessions(tokens, settings.session_key_file), proxies, settings.proxy_roles)


def _webhooks(
    settings: ServerSettings, bucket: Bucket, parts: Parts, open_problems: Problems, outbox: Outbox | None
) -> list[WebhookLoop]:
    if outbox is None:
        return []
    sender = Sender(settings.webhook_keys, settings.webhook_format)
    addresses = settings.webhook_addresses
    return [WebhookLoop(bucket, parts.models, parts.index, parts.past, outbox, sender, addresses, open_problems)]


def _announce_drift(
    outbox: Outbox | None, timestamp: str, model: str, version: str, columns: Sequence[str], reason: str
) -> None:
    if outbox is not None:
        outbox.add(drift_detected(timestamp, model, version, columns, reason))


def _add_console(
    app: Flask,
    guard: Guard,
    parts: Parts,
    rollouts: Rollouts,
    publish: console_acts.Publish,
    settings: ServerSettings,
) -> None:
    frame, predict_url = Frame(guard), settings.predict_url or ""
    tls = CallContexts(of_calls(settings)) if predict_url.startswith("https:") else None
    app.register_blueprint(console.blueprint(parts, frame, can_try=bool(predict_url)))
    app.register_blueprint(console_acts.blueprint(parts, frame, rollouts, publish, predict_url, tls))


def _limits(settings: ServerSettings) -> Limits:
    return Limits(
        timeout_s=settings.admission_timeout,
        memory_bytes=settings.admission_memory_bytes,
        max_columns=settings.max_columns,
        twins=settings.runtime == "onnx",
        require_confinement=settings.require_confinement,
    )


def _has_a_span(environ: WSGIEnvironment) -> bool:
    """Whether a request has a span: each that changes something, and each of a trace."""
    return environ["REQUEST_METHOD"] == "POST" or trace_id(environ.get(IN_ENVIRON)) is not None


def _observe(app: Flask, hosts: AllowedHosts) -> None:
    """Give every request an id, refuse unknown host names, and count and log every response."""

    @app.before_request
    def _begin() -> None:
        header = request.headers.get(REQUEST_ID, "")
        g.request_id = (
            header if 0 < len(header) <= 128 and header.isprintable() and header.isascii() else uuid.uuid4().hex
        )
        trace = trace_id(request.headers.get(TRACEPARENT))
        log_events.bind(request_id=g.request_id, **({} if trace is None else {"trace_id": trace}))
        host = request.environ.get("HTTP_HOST")
        g.known_host = hosts.allow(host)
        if not g.known_host and request.path not in health.BY_ANY_NAME:
            raise UnknownHost(host)

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers[REQUEST_ID] = g.get("request_id", "")
        metrics.REQUESTS.labels(request.method, str(response.status_code)).inc()
        if request.endpoint not in _QUIET:
            log_events.event(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                address=request.remote_addr,
                by=g.caller.name if "caller" in g else None,
            )
        return response

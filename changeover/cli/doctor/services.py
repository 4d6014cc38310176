"""The checks of `changeover doctor` that call the services: liveness, readiness, tokens, current version."""

from functools import partial
from typing import Final
from urllib.parse import urlsplit

from changeover import __version__
from changeover.cli.doctor.finding import Finding
from changeover.client import http
from changeover.json_documents import object_in, objects_in
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.stack import Stack
from changeover.up.ready import has_current_version

_START: Final = "changeover up (with Docker: docker compose up --wait)"
_LOG: Final = "read its log (in .changeover/log, or docker compose logs {})"
_probe = partial(http.probe, timeout=(2.0, 5.0))


def check_store(stack: Stack) -> Finding:
    """Check that the store's address answers HTTP."""
    if _probe(stack.store_url) is not None:
        return Finding("store", True, f"answers at {stack.store_url}")
    return _silent("store", stack.store_url)


def check_server(stack: Stack) -> list[Finding]:
    """Check that model_server is alive, ready, and of this version."""
    alive = _probe(f"{stack.server_url}/livez", authorities=stack.tls_ca)
    if alive is None or alive.status != 200:
        return [_silent("model_server", stack.server_url)]
    findings = [Finding("model_server", True, f"answers at {stack.server_url}")]
    ready = _probe(f"{stack.server_url}/readyz", token=stack.token, authorities=stack.tls_ca) or http.Probe(0, {})
    problems = "; ".join(str(text) for text in object_in(ready.body.get("problems")).values())
    if ready.status != 200:
        findings.append(Finding("model_server ready", False, ready.problem, _LOG.format("model_server")))
    elif problems:
        step = "correct that; the last good version stays current"
        findings.append(Finding("model_server ready", False, problems, step))
    else:
        findings.append(Finding("model_server ready", True, "yes"))
    findings += _check_confinement(stack.server_url, ready.body)
    version = alive.body.get("version")
    if isinstance(version, str) and version != __version__:
        step = "install the same version on both sides"
        findings.append(Finding("versions", False, f"model_server is {version}, this is {__version__}", step))
    return findings


def check_predict(stack: Stack) -> list[Finding]:
    """Check that each predict_api is alive and ready."""
    if not stack.predict_urls:
        return [Finding("predict_api", False, "its address is not known", "set CHANGEOVER_PREDICT_URL")]
    return [finding for url in stack.predict_urls for finding in _check_instance(stack, url)]


def _check_instance(stack: Stack, url: str) -> list[Finding]:
    alive = _probe(f"{url}/livez", authorities=stack.tls_ca)
    if alive is None or alive.status != 200:
        return [_silent("predict_api", url)]
    ready = _probe(f"{url}/readyz", authorities=stack.tls_ca) or http.Probe(0, {})
    if ready.status == 200:
        return [Finding("predict_api", True, f"answers and is ready at {url}"), *_check_runners(url, ready.body)]
    if not has_current_version(stack.server_url, stack.token, stack.tls_ca):
        return [Finding("predict_api", True, f"answers at {url}; no model was rolled yet (push FILE --roll)")]
    detail = f"answers at {url}, but is not ready: {ready.problem}"
    return [Finding("predict_api", False, detail, _LOG.format("predict_api"))]


def _check_runners(url: str, ready: JsonObject) -> list[Finding]:
    """Check that no model hangs, crashes or grows repeatedly, and that the processes of models are confined."""
    findings = []
    if degraded := object_in(ready.get("degraded")):
        versions = ", ".join(f"{name} ({short(str(version))})" for name, version in degraded.items())
        step = f"changeover rollback -m {next(iter(degraded))}, or find the requests in the log (runner.ended)"
        detail = f"at {url}, processes of these ended 3 times within a minute: {versions}"
        findings.append(Finding("models", False, detail, step))
    return findings + _check_confinement(url, ready)


def _check_confinement(url: str, ready: JsonObject) -> list[Finding]:
    """Check that the processes of models at `url` are confined, if it is known yet."""
    if not (confinement := object_in(ready.get("confinement"))):
        return []
    if missing := [measure for measure, holds in confinement.items() if not holds]:
        detail = f"models run without {', '.join(missing)} at {url}"
        step = "use a Linux with Landlock and seccomp, or serve models of people that you trust only"
        return [Finding("confinement", False, detail, step)]
    return [Finding("confinement", True, f"models are confined at {url}")]


def check_token(stack: Stack) -> Finding:
    """Check that model_server accepts the token: a roll without a version fails for the version, not the token."""
    if not stack.token:
        step = "set CHANGEOVER_TOKEN and CHANGEOVER_SERVER_URL, or use --home"
        return Finding("token", False, "no token to publish with", step)
    response = _probe(
        f"{stack.server_url}/models/default/rollouts", method="POST", token=stack.token, authorities=stack.tls_ca
    )
    if response is None:
        return Finding("token", False, "could not be tried: model_server does not answer", _START)
    needed = response.body.get("needed")
    if response.status == 403 and needed:
        step = f"for rolls use a token with the role {needed} (docs/access.md)"
        return Finding("token", False, "model_server knows it, and it may not roll", step)
    if response.status in (401, 403):
        return Finding("token", False, "model_server refuses it", "take it from up.json or `changeover credentials`")
    return Finding("token", True, "model_server accepts it")


def check_agreement(stack: Stack) -> list[Finding]:
    """Check that every replica serves the current version."""
    response = _probe(f"{stack.server_url}/models", token=stack.token, authorities=stack.tls_ca)
    findings = []
    for model in objects_in(response and response.body.get("models")):
        if not (current := object_in(model.get("current"))):
            continue
        name, version = str(model.get("model")), str(current.get("version"))
        others = {*_reported(stack, name, version), *_serving(stack, name, version)}
        if others:
            detail = f"{short(version)}, but {'; '.join(sorted(others))}"
            step = f"wait a second and look again; then: changeover show -m {name}"
            findings.append(Finding(f"current of {name}", False, detail, step))
        else:
            findings.append(Finding(f"current of {name}", True, f"{short(version)} on every replica"))
    return findings


def _reported(stack: Stack, name: str, version: str) -> list[str]:
    """Replicas that reported another active version."""
    response = _probe(f"{stack.server_url}/models/{name}", token=stack.token, authorities=stack.tls_ca)
    active = {
        str(replica.get("replica")): str(object_in(replica.get("held")).get("version") or "nothing")
        for replica in objects_in(response and response.body.get("replicas"))
    }
    return [f"replica {replica} holds {short(other)}" for replica, other in active.items() if other != version]


def _serving(stack: Stack, name: str, version: str) -> list[str]:
    """Addresses whose predict_api serves another version."""
    responses = {url: _probe(f"{url}/models/{name}", authorities=stack.tls_ca) for url in stack.predict_urls}
    served = {url: str(probe.body.get("version") or "nothing") for url, probe in responses.items() if probe}
    return [f"{url} answers by {short(other)}" for url, other in served.items() if other != version]


def _silent(name: str, url: str) -> Finding:
    """The finding that no service answers at `url`, with the process on its port if this machine shows it."""
    return Finding(name, False, f"no answer at {url}{_owner(url)}", _START)


def _owner(url: str) -> str:
    from changeover.up.ports import owner_of

    address = urlsplit(url)
    if address.hostname not in http.LOOPBACK or address.port is None:
        return ""
    try:
        owner = owner_of(address.port)
    except ImportError:
        return ""
    return f"; its port is held by {owner}" if owner else "; no process listens there"

"""The checks of `changeover doctor` that call the services: liveness, readiness, tokens, current version."""

from typing import Final
from urllib.parse import urlsplit

import requests

from changeover import __version__, stack
from changeover.cli.doctor.finding import Finding
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.up.ready import serves_something

_TIMEOUT: Final = (2.0, 5.0)
_START: Final = "changeover up (with Docker: docker compose up --wait)"
Answer = tuple[int, JsonObject]


def check_store(found: stack.Stack) -> Finding:
    """Check that the store's address answers HTTP."""
    if _ask(found.store_url) is not None:
        return Finding("store", True, f"answers at {found.store_url}")
    return Finding("store", False, f"no answer at {found.store_url}{_owner(found.store_url)}", _START)


def check_server(found: stack.Stack) -> list[Finding]:
    """Check that model_server is alive, ready, and of this version."""
    alive = _ask(f"{found.server_url}/livez")
    if alive is None or alive[0] != 200:
        return [Finding("model_server", False, f"no answer at {found.server_url}{_owner(found.server_url)}", _START)]
    findings = [Finding("model_server", True, f"lives at {found.server_url}")]
    ready = _ask(f"{found.server_url}/readyz", token=found.token)
    status, body = ready or (0, {})
    problems = body.get("problems")
    wrong = "; ".join(str(text) for text in problems.values()) if isinstance(problems, dict) else ""
    if status != 200:
        step = "read its log (.changeover/log/model_server.log, or docker compose logs model_server)"
        detail = str(body.get("detail") or body.get("title") or f"HTTP {status}")
        findings.append(Finding("model_server ready", False, detail, step))
    elif wrong:
        findings.append(
            Finding("model_server ready", False, wrong, "mend that; meanwhile the last good version serves")
        )
    else:
        findings.append(Finding("model_server ready", True, "yes"))
    version = alive[1].get("version")
    if isinstance(version, str) and version != __version__:
        step = "install the same version on both sides"
        findings.append(Finding("versions", False, f"model_server is {version}, this is {__version__}", step))
    return findings


def check_predict(found: stack.Stack) -> list[Finding]:
    """Check that each predict_api is alive and ready."""
    if not found.predict_urls:
        return [Finding("predict_api", False, "its address is not known", "set CHANGEOVER_PREDICT_URL")]
    findings = []
    for url in found.predict_urls:
        alive = _ask(f"{url}/livez")
        if alive is None or alive[0] != 200:
            findings.append(Finding("predict_api", False, f"no answer at {url}{_owner(url)}", _START))
            continue
        status, body = _ask(f"{url}/readyz") or (0, {})
        if status == 200:
            findings.append(Finding("predict_api", True, f"lives and is ready at {url}"))
            continue
        if not serves_something(found.server_url, found.token):
            findings.append(Finding("predict_api", True, f"lives at {url}; no model was rolled yet (push FILE --roll)"))
            continue
        detail = str(body.get("detail") or body.get("title") or f"HTTP {status}")
        step = "read its log (.changeover/log, or docker compose logs predict_api)"
        findings.append(Finding("predict_api", False, f"lives at {url}, but is not ready: {detail}", step))
    return findings


def check_token(found: stack.Stack) -> Finding:
    """Check that model_server accepts the token: a roll without a version fails for the version, not the token."""
    if not found.token:
        return Finding(
            "token", False, "no token to publish with", "set CHANGEOVER_TOKEN and CHANGEOVER_SERVER_URL, or use --home"
        )
    said = _ask(f"{found.server_url}/models/default/rollouts", method="POST", token=found.token)
    if said is None:
        return Finding("token", False, "could not be tried: model_server does not answer", _START)
    if said[0] in (401, 403):
        return Finding("token", False, "model_server refuses it", "take it from up.json or `changeover credentials`")
    return Finding("token", True, "model_server accepts it")


def check_agreement(found: stack.Stack) -> list[Finding]:
    """Check that every replica serves the current version."""
    said = _ask(f"{found.server_url}/models", token=found.token)
    models = said[1].get("models") if said else None
    findings = []
    for entry in models if isinstance(models, list) else []:
        if not isinstance(entry, dict) or not isinstance(current := entry.get("current"), dict):
            continue
        name, version = str(entry.get("model")), str(current.get("version"))
        others = {*_held(found, name, version), *_answering(found.predict_urls, name, version)}
        if others:
            step = f"wait a second and look again; then: changeover show -m {name}"
            findings.append(
                Finding(f"current of {name}", False, f"{short(version)}, but {'; '.join(sorted(others))}", step)
            )
        else:
            findings.append(Finding(f"current of {name}", True, f"{short(version)} on every replica"))
    return findings


def _held(found: stack.Stack, name: str, version: str) -> list[str]:
    """Replicas that reported another active version."""
    said = _ask(f"{found.server_url}/models/{name}", token=found.token)
    replicas = said[1].get("replicas") if said else None
    others = []
    for replica in replicas if isinstance(replicas, list) else []:
        if isinstance(replica, dict):
            held = replica.get("held")
            holds = str(held.get("version")) if isinstance(held, dict) else "nothing"
            if holds != version:
                others.append(f"replica {replica.get('replica')} holds {short(holds)}")
    return others


def _answering(predict_urls: list[str], name: str, version: str) -> list[str]:
    """Addresses whose predict_api serves another version."""
    found = []
    for url in predict_urls:
        said = _ask(f"{url}/models/{name}")
        if said is None:
            continue
        answers = str(said[1].get("version") or "nothing")
        if answers != version:
            found.append(f"{url} answers by {short(answers)}")
    return found


def _ask(url: str, method: str = "GET", token: str = "") -> Answer | None:
    """Status and JSON object of a response, or None for no response."""
    with requests.Session() as session:
        session.trust_env = urlsplit(url).hostname not in {"127.0.0.1", "localhost", "::1"}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        json: JsonObject | None = {} if method == "POST" else None
        try:
            answer = session.request(method, url, headers=headers, timeout=_TIMEOUT, allow_redirects=False, json=json)
        except requests.RequestException:
            return None
    try:
        body = answer.json()
    except ValueError:
        body = {}
    return answer.status_code, body if isinstance(body, dict) else {}


def _owner(url: str) -> str:
    """The process that holds the port of `url` on this machine, if known."""
    from changeover.up.ports import owner_of

    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "localhost"} or parts.port is None:
        return ""
    try:
        owner = owner_of(parts.port)
    except ImportError:
        return ""
    return f"; its port is held by {owner}" if owner else "; no process listens there"

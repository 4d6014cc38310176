"""The readiness check of the services, used by `up` before it writes `up.json` and by `restart`."""

from typing import Final

import requests

_TIMEOUT: Final = (0.5, 1.0)


def answers(url: str) -> bool:
    """Whether `url` answers HTTP, with any status: a store answers 403."""
    return _status(url) is not None


def is_ok(url: str) -> bool:
    """Whether a GET of `url` returns 200."""
    return _status(url) == 200


def explain(url: str) -> str:
    """The problems in `/readyz` at `url`, in one line; empty if it is ready or does not answer."""
    try:
        answer = _get(url)
        if answer.status_code == 200:
            return ""
        body = answer.json()
    except (requests.RequestException, ValueError):
        return ""
    if not isinstance(body, dict):
        return f"HTTP {answer.status_code}"
    return str(body.get("detail") or body.get("title") or f"HTTP {answer.status_code}")


def serves_something(server_url: str, token: str) -> bool:
    """Whether any model has a current version, which predict_api needs to become ready."""
    try:
        body = _get(f"{server_url}/models", {"Authorization": f"Bearer {token}"}).json()
        return any(model.get("current") for model in body["models"])
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return False


def _status(url: str) -> int | None:
    try:
        return _get(url).status_code
    except requests.RequestException:
        return None


def _get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    """One GET without a proxy, as the service is on this machine."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=_TIMEOUT, allow_redirects=False)

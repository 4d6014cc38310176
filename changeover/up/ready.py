"""The readiness check of the services, used by `up` before it writes `up.json`, by `restart` and by `doctor`.

`authorities` (PEM) are those of the stack's own TLS, if it has any.
"""

from changeover.client.http import probe
from changeover.json_documents import objects_in


def answers(url: str, authorities: str = "") -> bool:
    """Whether `url` answers HTTP, with any status: a store answers 403."""
    return probe(url, authorities=authorities) is not None


def is_ok(url: str, authorities: str = "") -> bool:
    """Whether a GET of `url` returns 200."""
    response = probe(url, authorities=authorities)
    return response is not None and response.status == 200


def explain(url: str, authorities: str = "") -> str:
    """The problems in `/readyz` at `url`, in one line; empty if it is ready or does not answer."""
    response = probe(url, authorities=authorities)
    return "" if response is None or response.status == 200 else response.problem


def has_current_version(server_url: str, token: str, authorities: str = "") -> bool:
    """Whether any model has a current version, which predict_api needs to become ready."""
    response = probe(f"{server_url}/models", token=token, authorities=authorities)
    return any(model.get("current") for model in objects_in(response and response.body.get("models")))


def login_link(server_url: str, token: str, authorities: str = "") -> str:
    """A link that logs a browser in to the console, once; without one, the address of the login."""
    response = probe(f"{server_url}/login-links", method="POST", token=token, authorities=authorities)
    path = response.body.get("path") if response is not None and response.status == 201 else None
    return f"{server_url}{path or '/ui/login'}"

"""The calls that tests make to the console: pages, forms as a browser sends them, and versions to show."""

import json
from typing import Any

import requests

from tests.html_page import Element, parse
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer


def publish(server: ModelServer, seed: int, f1: float, columns: int = 3) -> str:
    manifest = json.dumps({"metrics": {"f1": f1}, "description": f"<i>model {seed}</i>"})
    files = {"artifact": (f"<b>{seed}.joblib", a_model(seed, columns)), "manifest": (None, manifest)}
    answer = server.post("/models/loan/versions", files=files)
    assert answer.status_code == 201, answer.text
    version: str = answer.json()["version"]
    return version


def page(server: ModelServer, path: str, **more: Any) -> Element:
    answer = server.get(path, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return parse(answer.text)


def send(server: ModelServer, form: Element, **fields: str) -> requests.Response:
    """Send a form as a browser does, with `fields` filled in."""
    body = {**form.fields(), **fields}
    return server.post(form.attributes["action"], data=body, allow_redirects=False)


def form(shown: Element, action: str) -> Element:
    return shown.one("form", action=action)


def current(server: ModelServer) -> dict[str, Any]:
    body: dict[str, Any] = server.get("/models/loan").json()["current"]
    return body

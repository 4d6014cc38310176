"""The call to predict_api for the form of a version: model_server itself scores nothing."""

import json
import time
from collections.abc import Mapping
from typing import Final

import requests

from changeover.json_types import Json
from changeover.protocol.wire import MODEL_STALE, MODEL_VERSION
from changeover.tls.adapter import ContextAdapter
from changeover.tls.calls import CallContexts
from model_server.console.parts import Page

_DEADLINE_S: Final = 10.0
_LARGEST: Final = 1_000_000  # bytes of an answer


def predict(predict_url: str, model: str, row: Mapping[str, Json], tls: CallContexts | None = None) -> Page:
    """The answer of predict_api to one row, or its problem, or why there is none. `tls` is for an https address."""
    empty: Page = {"answer": None, "version": "", "stale": False, "ms": 0.0, "errors": [], "detail": ""}
    began = time.monotonic()
    address = f"{predict_url.rstrip('/')}/models/{model}/predict"
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between the services
            if tls is not None:
                session.mount("https://", ContextAdapter(tls.current()))
            response = session.post(address, json=dict(row), timeout=_DEADLINE_S, allow_redirects=False, stream=True)
            content = response.raw.read(_LARGEST, decode_content=True)
    except (requests.RequestException, OSError) as error:
        return {**empty, "status": 0, "detail": f"predict_api at {predict_url} does not answer: {type(error).__name__}"}
    took_ms = round((time.monotonic() - began) * 1000, 1)
    body = _object(content)
    page = {**empty, "status": response.status_code, "ms": took_ms}
    if response.status_code != 200:
        errors = body.get("errors")
        detail = str(body.get("detail") or f"predict_api answered with {response.status_code}")
        listed = errors if isinstance(errors, list) else []
        return {**page, "detail": detail, "errors": [each for each in listed if isinstance(each, dict)]}
    proba = body.get("predict_proba")
    numbers = [each for each in proba if isinstance(each, int | float)] if isinstance(proba, list) else []
    answer = {"prediction": body.get("prediction"), "probability": max(numbers, default=None)}
    version = response.headers.get(MODEL_VERSION, "")
    return {**page, "answer": answer, "version": version, "stale": MODEL_STALE in response.headers}


def _object(content: bytes) -> Page:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

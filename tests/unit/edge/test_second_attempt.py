"""A request that is tried where nothing may wait, and begins once more: its second attempt finds what came."""

import hashlib
import json
from pathlib import Path
from typing import Any

from predict_api.edge.application import EdgeApplication, respond
from predict_api.edge.callers import Callers
from predict_api.edge.costs import Cost
from predict_api.prediction.request_context import KEY, RequestContext
from predict_api.prediction.turn import about_to_wait
from predict_api.routes.callers import checked
from predict_api.settings import PredictSettings

SECRET = "a-key-of-tests-0123456789"
PATH = "/predict"


class Responses:
    """The side of a connection that takes responses: their statuses."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def response_bytes(self, status: int, _headers: list[tuple[str, str]], _body: bytes) -> None:
        self.statuses.append(status)


def application(folder: Path) -> EdgeApplication:
    """One that waits before it answers, behind a check of keys that allows one request."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    file = folder / "keys.json"
    entry = {"name": "a", "sha256": digest, "requests_per_second": 0.001, "burst": 1}
    file.write_text(json.dumps({"keys": [entry]}), encoding="utf-8")

    def waits(_environ: Any, start: Any) -> list[bytes]:
        about_to_wait()
        start("200 OK", [])
        return [b"{}"]

    guarded = checked(waits, Callers(file, folder))

    def named(environ: Any, start: Any) -> Any:
        environ[KEY] = RequestContext("r", 0.0)
        return guarded(environ, start)

    settings = PredictSettings(report_token="x", model_server_url="http://127.0.0.1:1")
    edge = EdgeApplication(named, settings, lambda: False)  # type: ignore[arg-type]
    edge.queue.record(PATH, 1, Cost(0.0001, 0.0001), answered=True)
    return edge


def request() -> dict[str, Any]:
    return {"PATH_INFO": PATH, "REQUEST_METHOD": "POST", "HTTP_AUTHORIZATION": f"Bearer {SECRET}", "wsgi.input": None}


def test_the_second_attempt_has_the_key_and_takes_no_second_token(tmp_path: Path) -> None:
    edge, connection = application(tmp_path), Responses()
    environ = {**request(), "wsgi.input": (tmp_path / "keys.json").open("rb")}
    with environ["wsgi.input"]:
        assert not edge.answered_here(connection, environ, PATH, 1, 2)  # type: ignore[arg-type]
        assert connection.statuses == []
        assert respond(edge.wsgi, connection, environ)  # type: ignore[arg-type]
    respond(edge.wsgi, connection, request())  # type: ignore[arg-type]
    assert connection.statuses == [200, 429]

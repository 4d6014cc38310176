"""The fast path of predictions: its answers equal Flask's byte for byte, and only common requests take it."""

import io
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import joblib
import pandas as pd
import pytest
from flask import Flask, request_started
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover.estimator.infer_schema import infer_schema
from changeover.json_types import JsonObject
from predict_api.app import Application
from predict_api.prediction.forms import ARROW_TYPE
from predict_api.settings import PredictSettings
from tests.conftest import wait_until
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT, ROW, tiny
from tests.wire_stub import WireStub, running_stub

ONE = json.dumps(ROW).encode()
BY_FLASK = "?trace=1"  # a query without a meaning: the fast path leaves every query to Flask
MOST_BYTES = 1_000_000
LINE = re.compile(rb"(?im)^(date|model-age): .*\r\n")  # the headers that may differ from one second to the next


def strict() -> tuple[bytes, JsonObject]:
    """A model that raises for any word but two."""
    texts = pd.DataFrame({"word": ["yes", "no"] * 10})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(texts, [1, 0] * 10)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    schema = infer_schema(model, texts).to_json()
    for column in schema["columns"]:  # type: ignore[union-attr]
        for known in ("enum", "categories"):
            column.pop(known, None)  # type: ignore[union-attr, call-overload]
    kind: JsonObject = {"type": "Any", "kind": "classifier"}
    return buffer.getvalue(), {"created_at": CREATED_AT, "schema": schema, "estimator": kind}


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    """`default` and `other` answer, `strict` raises, the artifact of `absent` cannot be downloaded."""
    with running_stub() as stub:
        for model, number in (("default", 3), ("other", 4), ("absent", 5)):
            stub.roll(model, stub.publish(model, *tiny(number)))
        stub.roll("strict", stub.publish("strict", *strict()))
        del stub.artifacts["absent", stub.currents["absent"].version]
        yield stub


@pytest.fixture(scope="module")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    folder: Path = tmp_path_factory.mktemp("predict")
    settings = {"WORKERS": "1", "MAX_BODY_BYTES": str(MOST_BYTES), "MAX_ROWS": "50", "ALLOWED_HOSTS": "*"}
    with PredictApi(stub.url, folder, START_TIMEOUT="5", **settings) as api:
        for path in ("/predict", "/models/other/predict"):
            wait_until(lambda path=path: api.predict(path=path).status_code == 200, what="both models answer")  # type: ignore[misc]
        yield api


def call(api: PredictApi, path: str, body: bytes, *headers: str) -> bytes:
    """The bytes of the whole answer, without its date."""
    head = [f"POST {path} HTTP/1.1", "X-Request-Id: same-1", "Connection: close"]
    if not any(line.startswith("Host:") for line in headers):
        head.append("Host: localhost")
    if not any(line.startswith("Content-Type:") for line in headers):
        head.append("Content-Type: application/json")
    head += [*headers, f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", urlsplit(api.url).port or 0), timeout=60) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return LINE.sub(b"", answer)


def both(api: PredictApi, path: str, body: bytes, *headers: str) -> bytes:
    """The answer, which must be the same by both paths."""
    fast = call(api, path, body, *headers)
    assert fast == call(api, path + BY_FLASK, body, *headers)
    return fast


BODIES = [
    (200, ONE),
    (200, json.dumps([ROW, ROW]).encode()),
    (200, b'{"columns": ["b", "a"], "data": [[1, 2], [3, 4]]}'),
    (200, json.dumps([ROW]).encode() + b" " * 300_000),
    (400, b""),
    (400, b"{"),
    (400, b"\xff"),
    (400, b'{"a": NaN, "b": 1}'),
    (400, b'{"a": 1, "a": 1, "b": 1}'),
    (422, b'{"a": "many", "c": 1}'),
    (422, json.dumps([ROW] * 51).encode()),
    (422, json.dumps([{"a": "many"}] * 30).encode()),
    (413, b" " * (MOST_BYTES + 1)),
]


@pytest.mark.parametrize(("status", "body"), BODIES, ids=lambda part: str(part)[:20])
def test_a_body_is_answered_alike(api: PredictApi, status: int, body: bytes) -> None:
    for path in ("/predict", "/models/other/predict"):
        assert both(api, path, body).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    ("status", "path", "body"),
    [
        (200, "/models/%6fther/predict", ONE),
        (404, "//predict", ONE),
        (404, "//models/other/predict", ONE),
        (404, "/models/other//predict", ONE),
        (404, "///models//other//predict", ONE),
        (200, "/models/strict/predict", b'{"word": "yes"}'),
        (500, "/models/strict/predict", b'{"word": "maybe"}'),
        (503, "/models/absent/predict", ONE),
        (404, "/models/nobody/predict", ONE),
        (405, "/models/predict", ONE),
        (404, "/models//predict", ONE),
        (404, "/models/a/b/predict", ONE),
        (404, "/models/%C3%A9/predict", ONE),
        (200, "/models/other%2Fpredict", ONE),
        (200, "/predict/", ONE),
    ],
)
def test_a_path_is_answered_alike(api: PredictApi, status: int, path: str, body: bytes) -> None:
    assert both(api, path, body).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    ("status", "header"),
    [
        (200, "Content-Encoding: identity"),
        (200, "Content-Type: application/json; charset=utf-8"),
        (415, "Content-Encoding: gzip"),
        (415, "Content-Type: text/plain"),
        (415, "Content-Type: "),
        (200, "Host: a..b"),
        (200, "Host: " + "x" * 70),
        (200, "Host: -"),
        (200, "Upgrade: websocket\r\nConnection: upgrade"),
        (200, "X-Forwarded-Host: other.example"),
    ],
)
def test_a_header_is_heeded_alike(api: PredictApi, status: int, header: str) -> None:
    assert both(api, "/predict", ONE, header).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_request_id_that_may_not_be_is_replaced_alike(api: PredictApi) -> None:
    lines = []
    for path in ("/predict", "/predict" + BY_FLASK):
        answer = call(api, path, ONE, 'X-Request-Id: no "such" id')
        lines.append(re.sub(rb"(?i)(x-request-id: [0-9a-f]{20})[0-9a-f]{12}\r\n", rb"\1\r\n", answer))
    assert lines[0] == lines[1]


def test_a_stale_answer_says_so_alike(api: PredictApi, stub: WireStub) -> None:
    stub.stop()
    try:
        wait_until(lambda: b"model-stale: true" in call(api, "/predict", ONE).lower())
        assert b"model-stale: true" in both(api, "/predict", ONE).lower()
    finally:
        stub.start()
    wait_until(lambda: b"model-stale" not in call(api, "/predict", ONE).lower())


def test_requests_are_counted_and_logged_alike(api: PredictApi) -> None:
    def counted() -> dict[str, float]:
        lines = [line.rsplit(" ", 1) for line in api.get("/metrics").text.splitlines() if line[:1] != "#"]
        return {name: float(value) for name, value in lines if "_bucket" not in name and "_seconds_sum" not in name}

    def logged() -> list[dict[str, object]]:
        names = ("request.answered", "predict.model_failed")
        return sorted((event for name in names for event in api.events(name)), key=lambda event: str(event["time"]))

    differences, events = [], []
    for path in ("/models/strict/predict", "/models/strict/predict" + BY_FLASK):
        before, seen = counted(), len(logged())
        for body in (b'{"word": "yes"}', b'{"word": "maybe"}', b"{", b'{"a": 1}'):
            call(api, path, body)
        after = counted()
        changed = {name: after[name] - before.get(name, 0.0) for name in after if after[name] != before.get(name)}
        differences.append({name: change for name, change in changed.items() if "changeover_request" in name})
        wait_until(lambda seen=seen: len(logged()) == seen + 4)  # type: ignore[misc]  # three refusals and a failure
        unlike = ("took_ms", "time", "exception")
        events.append([{key: event[key] for key in event if key not in unlike} for event in logged()[seen:]])
    assert differences[0] == differences[1]
    assert sum(differences[0].values()) == 8.0  # four requests and four observations of their seconds
    assert sorted(map(json.dumps, events[0])) == sorted(map(json.dumps, events[1]))


@pytest.fixture(scope="module")
def application(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """The application of a worker in this process, to see the requests that reach Flask."""
    required = {"model_server_url": stub.url, "report_token": "report-token"}
    settings = PredictSettings.from_environment(**required, max_body_bytes=1000, start_timeout=5.0)
    application = Application(settings, tmp_path_factory.mktemp("worker"), lambda: False)
    application.start()
    yield application
    application.leave()


@pytest.mark.parametrize(
    ("by_flask", "changes"),
    [
        (False, {}),
        (False, {"PATH_INFO": "/models/other/predict"}),
        (False, {"PATH_INFO": "/models/absent/predict"}),
        (False, {"CONTENT_LENGTH": "0"}),
        (False, {"CONTENT_LENGTH": "999"}),
        *[(True, {"CONTENT_LENGTH": length}) for length in ("1001", "", "9" * 5000, "-1", "\u0661")],
        (True, {"QUERY_STRING": "include=inputs"}),
        (True, {"HTTP_TRANSFER_ENCODING": "chunked"}),
        (True, {"HTTP_CONTENT_ENCODING": "identity"}),
        (False, {"CONTENT_TYPE": "application/json; charset=utf-8"}),
        (False, {"CONTENT_TYPE": "application/json;charset=utf-8"}),
        (True, {"CONTENT_TYPE": "application/vnd.example+json"}),
        (False, {"CONTENT_TYPE": ARROW_TYPE, "HTTP_ACCEPT": ARROW_TYPE}),
        (True, {"CONTENT_TYPE": ARROW_TYPE}),
        (True, {"CONTENT_TYPE": "application/json; charset=latin-1"}),
        (True, {"REQUEST_METHOD": "GET"}),
        (True, {"REQUEST_METHOD": "OPTIONS"}),
        (True, {"PATH_INFO": "/models/nobody/predict"}),
        (True, {"PATH_INFO": "/models/predict"}),
        (True, {"PATH_INFO": "/livez"}),
    ],
)
def test_the_fast_path_takes_the_common_request_alone(
    application: Application, by_flask: bool, changes: dict[str, str]
) -> None:
    wait_until(lambda: application.models.find("other"))
    seen: list[object] = []

    def note(sender: Flask, **_: object) -> None:
        seen.append(sender)

    with request_started.connected_to(note):
        ask(application, changes)
    assert bool(seen) == by_flask


class BrokenStream(io.BytesIO):
    """A body whose connection breaks."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("the connection was reset")


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        ("400 BAD REQUEST", {"CONTENT_LENGTH": "999"}),  # more than the body has
        ("500 INTERNAL SERVER ERROR", {"wsgi.input": BrokenStream(ONE)}),
    ],
)
def test_a_body_that_breaks_off_is_answered_alike(
    application: Application, status: str, changes: dict[str, object]
) -> None:
    wait_until(lambda: application.models.find("default"))
    common = {**changes, "HTTP_X_REQUEST_ID": "same-2"}
    fast = ask(application, common)
    assert fast[0] == status
    assert fast == ask(application, {**common, "QUERY_STRING": "trace=1"})


def ask(application: Application, changes: Mapping[str, object]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of a common request with these changes."""
    responses: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        responses.append((status, headers))
        return lambda _piece: None

    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/predict",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(ONE)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ONE),
        **changes,
    }
    (body,) = application.wsgi(environ, start_response)
    ((status, headers),) = responses
    return status, headers, body

"""The client and `changeover predict`: what they send to predict_api, and answers that are not JSON."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LinearRegression

import changeover
from changeover.cli.main import main
from changeover.estimator.infer_schema import infer_schema
from changeover.exceptions import NotJsonResponse, ServiceRefused, UnsendableValue
from changeover.json_types import JsonObject
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT, tiny
from tests.wire_stub import WireStub, running_stub

PAGE = b"<html><title>Sign in</title>" + b"x" * 100
ARRAY = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]])
OF_ARRAY = LinearRegression().fit(ARRAY, [1.0, 2.0, 3.0])


def of_array() -> tuple[bytes, JsonObject]:
    """A regressor that was fitted on an array: its artifact and its manifest."""
    buffer = io.BytesIO()
    joblib.dump(OF_ARRAY, buffer)
    kind: JsonObject = {"type": "LinearRegression", "kind": "regressor", "predict_proba": False}
    return buffer.getvalue(), {
        "created_at": CREATED_AT,
        "schema": infer_schema(OF_ARRAY).to_json(),
        "estimator": kind,
    }


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(3)))
        stub.roll("array", stub.publish("array", *of_array()))
        yield stub


@pytest.fixture(scope="module")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    folder: Path = tmp_path_factory.mktemp("predict")
    with PredictApi(stub.url, folder) as api:
        yield api


@pytest.fixture
def client(stub: WireStub, api: PredictApi) -> changeover.Client:
    return changeover.Client(stub.url, predict_url=api.url)


class _Recorder(BaseHTTPRequestHandler):
    """Keeps the last body, and answers with a page."""

    status, kind, body = 200, "text/html", b""

    def do_POST(self) -> None:
        _Recorder.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def gateway() -> Iterator[str]:
    """The address of a server that answers every call with a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_frame_is_answered_as_a_batch_and_a_series_as_one_row(client: changeover.Client) -> None:
    frame = pd.DataFrame({"b": np.array([1.5, 2.5], dtype="float32"), "a": [1, 2]})
    batch = client.predict(frame)
    assert isinstance(batch, dict)
    assert [row["prediction"] for row in batch["predictions"]] == [3, 3]  # type: ignore[union-attr, index, call-overload]
    single = client.predict(frame.iloc[0])
    assert isinstance(single, dict)
    assert single["prediction"] == 3


def test_a_missing_value_is_sent_as_null(client: changeover.Client) -> None:
    assert client.predict({"a": np.nan, "b": pd.NA})
    for body in (np.array([[np.nan, 1.0]]), [{"x0": pd.NA, "x1": np.int64(1)}]):
        with pytest.raises(ServiceRefused, match="x0: a value is required"):
            client.predict(body, "array")


def test_an_array_is_answered_by_a_model_that_was_fitted_on_one(client: changeover.Client) -> None:
    expected = OF_ARRAY.predict(ARRAY)
    for body in (ARRAY, pd.DataFrame(ARRAY), ARRAY.tolist()):
        answer = client.predict(body, "array")
        assert isinstance(answer, dict)
        rows = answer["predictions"]
        assert [row["prediction"] for row in rows] == pytest.approx(expected)  # type: ignore[union-attr, index, call-overload]
    with pytest.raises(ServiceRefused, match="row 1: the row has 1 value, the model takes 2"):
        client.predict([[1, 2], [3]], "array")


def test_infinity_is_refused_before_anything_is_sent(client: changeover.Client) -> None:
    with pytest.raises(UnsendableValue, match="row 1, column 'b': infinity"):
        client.predict(pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, np.inf]}))


def test_an_answer_that_is_not_json_is_named_as_such(stub: WireStub, gateway: str) -> None:
    with pytest.raises(NotJsonResponse) as caught:
        changeover.Client(stub.url, predict_url=gateway).predict({"a": 1})
    assert f"the response of {gateway}/predict is not JSON: status 200, text/html" in str(caught.value)
    assert repr(PAGE[:80].decode()) in str(caught.value)
    assert repr(PAGE[:81].decode())[:-1] not in str(caught.value)


def predicts(content: bytes, stub: WireStub, predict_url: str) -> Result:
    stack = {"CHANGEOVER_TOKEN": "token", "CHANGEOVER_PREDICT_URL": predict_url}
    return CliRunner().invoke(main, ["predict", "-", "--server-url", stub.url], input=content, env=stack)


def test_the_command_sends_the_file_as_it_is(stub: WireStub, gateway: str, api: PredictApi) -> None:
    body = b'{"a": 0.1e400, "b": 123456789012345678901234567890, "a":1.10}\n'
    result = predicts(body, stub, gateway)
    assert result.exit_code == 1
    assert "is not JSON" in result.stderr
    assert _Recorder.body == body
    for content, problem in ((b'{"a": 1, "a": 2, "b": 3}', "not strict JSON"), (b"{", "not strict JSON")):
        refused = predicts(content, stub, api.url)
        assert refused.exit_code == 1
        assert problem in refused.stderr
    assert '"prediction": 3' in predicts(b'{"a": 1, "b": 2}', stub, api.url).stdout

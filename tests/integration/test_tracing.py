"""Traces through both services: the spans that a collector gets, and the id of the trace in the logs."""

import io
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from changeover.protocol.wire import RolloutState
from tests.conftest import wait_until
from tests.otlp_receiver import Received, Receiver, receiving
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import Instances, PredictApi
from tests.processes.store import Store
from tests.wire_stub import WireStub

MODEL = "loan"
ROW = {"a": 0.5, "b": -0.25}


@dataclass
class Stack:
    """Both services, which send their spans to `receiver`; each request needs a check."""

    server: ModelServer
    api: PredictApi
    receiver: Receiver

    def spans(self, trace: str, *wanted: tuple[str, str]) -> list[Received]:
        """The spans of a trace by service and name, when they have come."""
        wait_until(lambda: self.receiver.of(trace).keys() >= set(wanted), 20, f"the spans {wanted}")
        return [self.receiver.of(trace)[key] for key in wanted]


def artifact() -> bytes:
    """A model of two columns that has an ONNX twin."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), columns=["a", "b"])
    body = io.BytesIO()
    joblib.dump(LogisticRegression().fit(frame, np.where(frame["a"] > frame["b"], "y", "n")), body)
    return body.getvalue()


def traceparent() -> tuple[str, str, dict[str, str]]:
    """A new trace: its id, the id of the caller's span, and the header."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, {"traceparent": f"00-{trace}-{span}-01"}


@pytest.fixture(scope="module")
def stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("tracing")
    with receiving() as receiver:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        more = {"LEASE_MS": "0", "RUNTIME": "onnx", **otel}
        with ModelServer(seaweed, "tracing", folder / "server", more) as server:
            settings = {"DEFAULT_MODEL": MODEL, "REPORT_TOKEN": REPORT_TOKEN, "WORKERS": "1", "LOG_LEVEL": "debug"}
            with PredictApi(server.url, folder, **settings, **otel) as api:
                yield Stack(server, api, receiver)


def test_an_upload_a_roll_and_a_prediction_have_spans_in_the_trace_of_their_caller(stack: Stack) -> None:
    published, caller, headers = traceparent()
    version = stack.server.publish(artifact(), MODEL, headers=headers).json()["version"]
    request, upload = stack.spans(published, ("model_server", "request"), ("model_server", "upload"))
    assert (request.parent, upload.parent) == (caller, request.id)
    assert upload.attributes == {"changeover.model": MODEL, "changeover.version": version}

    rolled, caller, headers = traceparent()
    body = {"version": version, "reason": "a test"}
    answer = stack.server.post(f"/models/{MODEL}/rollouts?wait=30", json=body, headers=headers)
    assert answer.json()["state"] == RolloutState.COMMITTED
    request, roll = stack.spans(rolled, ("model_server", "request"), ("model_server", "roll"))
    assert (request.parent, roll.parent) == (caller, request.id)
    assert roll.events == ["fencing", "committing", RolloutState.COMMITTED]

    wait_until(lambda: stack.api.predict(ROW).status_code == 200, what="an answer")
    asked, caller, headers = traceparent()
    assert stack.api.predict(ROW, headers=headers).status_code == 200
    request, check, score, checked = stack.spans(
        asked,
        ("predict_api", "request"),
        ("predict_api", "check"),
        ("predict_api", "score"),
        ("model_server", "request"),
    )
    assert request.parent == caller
    assert (check.parent, score.parent, checked.parent) == (request.id, request.id, check.id)
    expected = {"http.response.status_code": 200, "changeover.version": version, "changeover.runtime": "onnx"}
    assert request.attributes.items() >= expected.items()
    assert score.attributes == {"changeover.version": version, "changeover.rows": 1}

    assert stack.api.events("request.answered")[-1]["trace_id"] == asked
    logged = [event["trace_id"] for event in stack.server.events("request") if "trace_id" in event]
    assert logged == [published, rolled]


def test_a_request_without_a_trace_begins_one_and_probes_and_renewals_do_not(stack: Stack) -> None:
    before = len(stack.receiver.spans)
    assert stack.api.get("/livez").ok
    assert stack.server.get("/livez").ok
    assert stack.api.predict(ROW).status_code == 200

    def first() -> list[tuple[str, str]]:
        return [(span.service, span.name) for span in stack.receiver.spans[before:] if not span.parent]

    assert wait_until(first, what="a span") == [("predict_api", "request")]
    assert len({span.trace for span in stack.receiver.spans[before:]}) == 1


def test_without_variables_that_ask_for_spans_no_service_imports_opentelemetry() -> None:
    program = (
        "import sys, predict_api.app, predict_api.workers, model_server.app\n"
        "from changeover.process import tracing\n"
        "tracing.configure('predict_api')\n"
        "with tracing.span('check'): pass\n"
        "assert tracing.begin('roll', {}) is None and tracing.active() is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={}, check=True)
    assert done.stdout.strip() == "[]"


def test_without_spans_a_trace_is_passed_on_to_model_server_and_logged(instances: Instances, stub: WireStub) -> None:
    api = instances.start(LOG_LEVEL="debug")
    trace, _, headers = traceparent()
    assert api.predict(headers=headers).status_code == 200
    assert stub.traces == [headers["traceparent"]]
    assert api.predict(headers={"traceparent": "no trace"}).status_code == 200
    logged = wait_until(lambda: api.events("request.answered")[1:], what="the second event")
    assert "trace_id" not in logged[-1]
    assert api.events("request.answered")[0]["trace_id"] == trace

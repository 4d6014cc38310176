"""The counting loop of a worker against a server that fails, restarts, or lacks the call."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from changeover.drift.making import make_reference
from changeover.estimator.scores import Scores
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol.replica_identity import new_identity
from changeover.protocol.wire import REPLICA_SECRET
from changeover.request.decode import Decoded
from predict_api.drift.counting_loop import Counting
from predict_api.drift.pending import AllPending, Pending
from predict_api.upstream.connection import Connection
from predict_api.upstream.set_check import SetAnswer
from tests.unit.drift.samples import schema_of

SCHEMA = schema_of(1)
REFERENCE = make_reference(SCHEMA, {"x0": [0.0, 1.0] * 100}, 200).to_json()


@dataclass
class Worker:
    """The loop of a worker, the calls that the server got, and its next answers."""

    pending: AllPending
    statuses: list[int] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    checked: SetAnswer | None = field(default_factory=lambda: SetAnswer({}, 1.0, "first"))
    loop: Counting = field(init=False)

    def place(self, reference: JsonObject | None = REFERENCE, model: str = "loan") -> Pending:
        made = self.pending.of(Manifest(model, "a" * 64, 1, "now", SCHEMA.to_json(), {}, reference=reference))
        assert made is not None
        return made

    def sums(self) -> list[tuple[int, bool]]:
        """The rows of each call, and whether another run of model_server got them before."""
        return [(counts["rows"], counts.get("again", False)) for call in self.calls for counts in call["counts"]]


def answer(place: Pending, rows: int) -> None:
    place.add(Decoded(single=False, rows=rows, columns={"x0": [1.0] * rows}), Scores([1] * rows, None, None))


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(AllPending())
    identity = new_identity("host", 1)

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_PUT(self) -> None:
            assert self.path == f"/replicas/{identity.id}/counts"
            assert self.headers[REPLICA_SECRET] == identity.secret
            assert self.headers["Authorization"] == "Bearer report-token"
            worker.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = b'{"not_stored": {}}'
            self.send_response(worker.statuses.pop(0) if worker.statuses else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    connection = Connection(f"http://127.0.0.1:{server.server_address[1]}")
    worker.loop = Counting(connection, identity, "report-token", worker.pending, lambda: worker.checked)
    yield worker
    connection.close()
    server.shutdown()
    server.server_close()


def test_each_second_has_the_sums_of_the_hour_if_they_changed(worker: Worker) -> None:
    place = worker.place()
    answer(place, 3)
    assert worker.loop.run_once(0.0) == 1.0
    worker.loop.run_once(1.0)
    answer(place, 2)
    worker.loop.run_once(2.0)
    assert worker.sums() == [(3, False), (5, False)]
    assert worker.calls[0]["counts"][0]["sums"] == [0, 0, 3, 0, 0]


def test_a_call_that_fails_is_repeated(worker: Worker) -> None:
    worker.statuses = [503, 200]
    place = worker.place()
    answer(place, 3)
    for second in range(3):
        worker.loop.run_once(float(second))
    assert worker.sums() == [(3, False), (3, False)]


def test_another_run_of_model_server_gets_the_hour_again(worker: Worker) -> None:
    place = worker.place()
    answer(place, 3)
    worker.loop.run_once(0.0)
    worker.checked = SetAnswer({}, 1.0, "second")
    answer(place, 1)
    worker.loop.run_once(1.0)
    assert worker.sums() == [(3, False), (4, True)]


def test_a_model_server_without_the_call_is_asked_once(worker: Worker) -> None:
    worker.statuses = [404]
    place = worker.place()
    for second in range(3):
        answer(place, 1)
        worker.loop.run_once(float(second))
    assert worker.sums() == [(1, False)]
    worker.checked = SetAnswer({}, 1.0, "upgraded")
    worker.loop.run_once(3.0)
    assert worker.sums() == [(1, False), (3, False)]


@pytest.mark.parametrize("checked", [None, SetAnswer({}, 0.0, "", former=True)])
def test_nothing_is_sent_before_the_first_check_or_to_a_former_release(
    worker: Worker, checked: SetAnswer | None
) -> None:
    worker.checked = checked
    place = worker.place()
    answer(place, 1)
    worker.loop.run_once(0.0)
    assert worker.calls == []


def test_a_worker_that_leaves_sends_what_it_counted_last(worker: Worker) -> None:
    place = worker.place()
    worker.loop.start()
    answer(place, 3)
    worker.loop.leave()
    assert worker.sums()[-1] == (3, False)


def test_a_reference_that_cannot_be_read_stops_no_other_version(worker: Worker) -> None:
    bad, good = worker.place({"n": "many"}), worker.place()
    answer(bad, 1)
    answer(good, 2)
    worker.loop.run_once(0.0)
    assert worker.sums() == [(2, False)]


def test_a_version_whose_rows_cannot_be_counted_does_not_hold_up_the_others(worker: Worker) -> None:
    bad, good = worker.place(), worker.place(model="price")
    bad.add(Decoded(single=False, rows=1, columns={"x0": ["no number"]}), Scores([1], None, None))
    answer(good, 2)
    worker.loop.run_once(0.0)
    assert worker.sums() == [(2, False)]

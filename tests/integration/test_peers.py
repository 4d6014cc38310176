"""The comparison with other servers: a server with different answers is not measured, an absent one is named."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.peers import closed_loop, load
from benchmarks.peers.comparison import Comparison, Served, prove
from benchmarks.peers.environments import CannotPrepare
from benchmarks.peers.load import Load
from benchmarks.peers.ours import CHANGEOVER, HELLO
from benchmarks.peers.roster import PEERS, mlserver_body
from benchmarks.peers.rounds import Measured
from benchmarks.peers.serving import Serving
from benchmarks.peers.table import table

NAIVE = next(peer for peer in PEERS if peer.key == "naive")
ROW = {"a": 1.0}


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"predict_proba": [0.25, 0.75]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/predict"
    server.shutdown()
    thread.join()
    server.server_close()


def served(url: str, peer=NAIVE) -> Served:
    return Served(peer, Serving(url, Path("log")), Path("body"), "1.0")


def measured(peer, rate: float, p50: float) -> Measured:
    measurement = Measured("wine", served("http://127.0.0.1:1/", peer))
    measurement.many, measurement.one = [Load(rate, 1.0, 2.0, 0)], [Load(1000 / p50, p50, p50, 0)]
    return measurement


def test_a_server_that_answers_as_the_pipeline_does_is_taken(url: str) -> None:
    prove(served(url), [ROW], [[0.25, 0.75]])


def test_a_server_that_answers_differently_is_refused(url: str) -> None:
    with pytest.raises(CannotPrepare, match="row 1"):
        prove(served(url), [ROW, ROW], [[0.25, 0.75], [0.25, 0.7500001]])


def test_a_server_that_does_not_answer_is_refused() -> None:
    with pytest.raises(CannotPrepare, match="no answer to compare"):
        prove(served("http://127.0.0.1:1/"), [ROW], [[0.25, 0.75]])


def test_the_loop_in_place_of_wrk_counts_answers(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "generator", lambda: closed_loop.__name__)
    body = tmp_path / "body.json"
    body.write_text(json.dumps(ROW))
    result = load.ask(url, body, 4, 0.3)
    assert result.wrong == 0
    assert result.rate > 0
    assert 0 < result.p50_ms <= result.p99_ms


def test_the_table_names_ratios_the_best_peer_and_absent_peers() -> None:
    rows = [measured(HELLO, 1000.0, 0.5), measured(CHANGEOVER, 500.0, 1.0), measured(NAIVE, 20.0, 10.0)]
    absent = {"mlflow": "no such package"}
    lines = table([rows], Comparison(Path(), 2, "python", absent), 1, 2.0, "wrk")
    assert "| wine | Changeover (1.0) | 0.50 (0.50 to 0.50) | 2.00 (2.00 to 2.00) |" in lines
    assert "wine: Changeover / best peer (two Flask services): x 25.0 (25.0 to 25.0)" in lines
    assert "not measured: mlflow: no such package" in lines


def test_a_text_and_a_number_go_to_mlserver_by_their_kinds() -> None:
    kinds = [column["datatype"] for column in mlserver_body({"n": 1.5, "gap": None, "t": "monday"})["inputs"]]
    assert kinds == ["FP64", "FP64", "BYTES"]

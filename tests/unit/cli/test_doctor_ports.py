"""`changeover doctor` and the ports of a stack: one that answers any program is named."""

import http.server
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from changeover.cli.doctor.machine import check_ports
from changeover.stack import Pids, Stack


@contextmanager
def web_server() -> Iterator[int]:
    """A server in this process that answers everyone; yields its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def stack_of_this_process(server_url: str = "http://127.0.0.1:1") -> Stack:
    here = os.getpid()
    return Stack(predict_urls=[], server_url=server_url, pids=Pids(here, here, here, [[here]]))


def test_a_port_that_answers_any_program_is_wrong() -> None:
    with web_server() as port:
        (finding,) = check_ports(stack_of_this_process())
    assert not finding.ok
    assert f"127.0.0.1:{port}" in finding.detail
    assert finding.next_step


def test_the_ports_of_up_json_are_meant_to_answer() -> None:
    with web_server() as port:
        (finding,) = check_ports(stack_of_this_process(f"http://127.0.0.1:{port}"))
    assert finding.ok


def test_a_port_that_says_nothing_is_in_order() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        (finding,) = check_ports(stack_of_this_process())
    assert finding.ok
    assert "1 inner ports" in finding.detail

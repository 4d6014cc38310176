"""The proxy that injects failures: it keeps no connection that both sides have ended."""

import http.server
import threading
from functools import partial
from pathlib import Path

import requests

from tests.conftest import wait_until
from tests.fault_proxy import FaultProxy


def test_a_connection_that_both_sides_have_ended_is_closed(tmp_path: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with FaultProxy(("127.0.0.1", server.server_port)) as proxy:
        for _ in range(20):
            assert requests.get(proxy.url, headers={"Connection": "close"}, timeout=10).status_code == 200
        wait_until(lambda: not proxy._open, what="no open socket")
        assert not proxy._half
    server.shutdown()
    server.server_close()

"""The gateway's own part of the stack in containers, without a replica behind it: who sends slowly waits in front."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import port_that_is_free, wait_until
from tests.e2e.compose_stack import why_not
from tests.tree import ROOT

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a gateway listens, with the settings of docker-compose.yml and nobody to pass requests on to."""
    port = port_that_is_free()
    command = ["docker", "run", "--detach", "--rm", "--user", "99:99", "--env", "GATEWAY_SLOTS=1"]
    command += ["--publish", f"127.0.0.1:{port}:5000"]
    command += ["--volume", f"{ROOT}/deploy/haproxy:/usr/local/etc/haproxy:ro,z", "haproxy:3.0"]
    container = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()
    try:
        wait_until(lambda: status(port, HEAD + b"Content-Length: 2\r\n\r\n{}") == 503, 60, "the gateway's own 503")
        yield port
    finally:
        subprocess.run(["docker", "kill", container], capture_output=True, check=False, timeout=60)


def status(port: int, sent: bytes) -> int | None:
    """The status that is answered to these bytes, with nothing sent after them."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=40) as caller:
            caller.sendall(sent)
            line = caller.makefile("rb").readline()
    except OSError:
        return None
    return int(line.split()[1]) if line.startswith(b"HTTP/") else None


@pytest.mark.parametrize("sent", [HEAD, HEAD + b"Content-Length: 50\r\n\r\n{"], ids=["head", "body"])
def test_a_request_that_does_not_arrive_in_time_is_a_408_and_reaches_no_replica(port: int, sent: bytes) -> None:
    """Fault 58: head and body are awaited by the gateway; a replica would have been asked, in vain, for a 503."""
    assert status(port, sent) == 408

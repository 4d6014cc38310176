"""Calls of predict_api to model_server: one hard deadline over name, connect and read; fault 19 among others."""

import socket
import threading
from collections.abc import Iterator

import pytest

from changeover.process.clock import now
from predict_api.exceptions import CallFailed
from predict_api.upstream import dns
from predict_api.upstream.connection import Connection
from predict_api.upstream.dns import MOST_PENDING, Lookup
from tests import wire_stub
from tests.conftest import wait_until
from tests.tiny_models import tiny
from tests.wire_stub import WireStub, running_stub

TOKEN = {"Authorization": "Bearer report-token"}


@pytest.fixture
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        yield stub


def kind_of_failure(connection: Connection, seconds: float = 0.3, largest: int = 10_000) -> str:
    with pytest.raises(CallFailed) as caught:
        connection.call("GET", "/models/default/current", {"Replica-Id": "r"}, now() + seconds, largest=largest)
    return caught.value.kind


@pytest.mark.parametrize("fault", ["silent", "dripping"])
def test_the_deadline_holds_whatever_the_peer_does(stub: WireStub, fault: str) -> None:
    stub.on_check = getattr(wire_stub, fault)
    connection = Connection(stub.url)
    assert kind_of_failure(connection) == "timeout"
    stub.on_check = None
    assert connection.call("GET", "/models", TOKEN, now() + 10).status == 200
    connection.close()


def test_an_answer_larger_than_expected_is_not_read(stub: WireStub) -> None:
    assert kind_of_failure(Connection(stub.url), 10, largest=20) == "large"


def test_a_port_without_a_listener_fails_immediately(stub: WireStub) -> None:
    stub.stop()
    assert kind_of_failure(Connection(stub.url), 10) == "refused"


@pytest.mark.parametrize("gently", [True, False])
def test_a_body_that_is_cut_off_is_never_taken_for_a_whole_one(stub: WireStub, gently: bool) -> None:
    stub.on_artifact = wire_stub.cut_off
    connection = Connection(stub.url)
    with pytest.raises(CallFailed) as caught:
        connection.call(
            "GET", "/models/default/versions/x/artifact", TOKEN, now() + 10, largest=10_000_000, gently=gently
        )
    assert caught.value.kind == "truncated"
    assert str(wire_stub.CUT_OFF_AFTER) in str(caught.value)


def test_a_body_that_is_read_gently_is_the_same(stub: WireStub) -> None:
    body = bytes(range(256)) * 10_001  # some chunks and a rest
    version = stub.publish("default", body, {})
    connection = Connection(stub.url)
    path = f"/models/default/versions/{version}/artifact"
    assert connection.call("GET", path, TOKEN, now() + 10, largest=len(body), gently=True).body == body
    assert connection.call("GET", "/models", TOKEN, now() + 10).status == 200
    connection.close()


class Resolver:
    """The system's resolver with a valve: while it is closed, lookups hang, as on an internal network in a restart."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.open = threading.Event()
        self.asked = 0
        self._address = address

    def __call__(
        self, host: str, port: int, *args: object, flags: int = 0, **kwargs: object
    ) -> list[tuple[object, ...]]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "a name")
        self.asked += 1
        self.open.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", self._address)]


@pytest.fixture
def resolver(stub: WireStub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver(("127.0.0.1", stub.port))
    monkeypatch.setattr(dns.socket, "getaddrinfo", resolver)
    yield resolver
    resolver.open.set()


def test_a_lookup_that_hangs_is_given_up_at_the_deadline(resolver: Resolver) -> None:
    """Fault 19: the deadline covers the lookup."""
    assert kind_of_failure(Connection("http://model_server:5001")) == "name"


def test_the_last_good_address_is_used_while_a_lookup_hangs(resolver: Resolver) -> None:
    resolver.open.set()
    connection = Connection("http://model_server:5001")
    assert connection.call("GET", "/models", TOKEN, now() + 10).status == 200
    connection.close()
    resolver.open.clear()
    assert connection.call("GET", "/models", TOKEN, now() + 4).status == 200
    connection.close()


def test_lookups_that_hang_are_few(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 19: the number of threads does not grow with the requests."""
    monkeypatch.setattr(dns, "REPLACE_AFTER", 0.0)
    names = Lookup("model_server", 5001)
    for _ in range(10):
        with pytest.raises(CallFailed):
            names.addresses(now() + 0.01)
    wait_until(lambda: resolver.asked == MOST_PENDING, what="a thread for each lookup that is allowed")
    with pytest.raises(CallFailed):
        names.addresses(now() + 0.01)
    assert resolver.asked == MOST_PENDING


def test_a_name_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(dns.socket, "getaddrinfo", unknown)
    with pytest.raises(CallFailed, match="has no address"):
        Lookup("model_server", 5001).addresses(now() + 10)

"""The bucket behind a network and a store that fail: every call ends, and no broken answer is accepted."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from object_store.bucket import Bucket, Created, ObjectInfo
from object_store.exceptions import StoreUnavailable
from tests.fault_proxy import BLACK_HOLE, Fault, FaultProxy
from tests.processes.store import Store

BODY = os.urandom(300_000)
TIMEOUT = 1.5


@pytest.fixture
def store(seaweed: Store) -> Store:
    """SeaweedFS alone: the failures are between it and the client."""
    return seaweed


@pytest.fixture
def proxy(store: Store) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", store.port)) as proxy:
        yield proxy


@pytest.fixture
def far(store: Store, bucket: Bucket, proxy: FaultProxy) -> Iterator[Bucket]:
    """The same bucket through `proxy`, with calls that end after TIMEOUT; it holds the object `m`."""
    bucket.create("m", BODY)
    remote = Bucket(store.settings(bucket=bucket.name, aws_endpoint_url_s3=proxy.url, store_timeout=TIMEOUT))
    yield remote
    remote.close()


@pytest.fixture
def patient(store: Store, far: Bucket, proxy: FaultProxy) -> Iterator[Bucket]:
    """As `far`, with a long timeout: for calls that succeed on a busy machine, too."""
    remote = Bucket(store.settings(bucket=far.name, aws_endpoint_url_s3=proxy.url, store_timeout=30.0))
    yield remote
    remote.close()


def whole(bucket: Bucket, key: str, expected: ObjectInfo | None = None, deadline_s: float | None = None) -> bytes:
    with bucket.stream(key, expected, deadline_s) as chunks:
        return b"".join(chunks)


def ends(act: Callable[[], object]) -> None:
    """`act` raises by itself; its time is not asserted, only that it ends."""
    outcome: list[BaseException | None] = []

    def attempt() -> None:
        try:
            act()
            outcome.append(None)
        except StoreUnavailable as error:
            outcome.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(60 * TIMEOUT)
    assert not thread.is_alive(), "it hangs"
    assert isinstance(outcome[0], StoreUnavailable)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drip=0.3),
        Fault(drip=0.3, drip_from=100_000),
        BLACK_HOLE,
        Fault(hang_at=2000),
        Fault(cut_at=0),
        Fault(reset_at=20),
    ],
    ids=str,
)
def test_every_call_ends_when_answers_fail(far: Bucket, proxy: FaultProxy, fault: Fault) -> None:
    """Faults 3 and 4: one deadline over everything, whether the bytes drip or stop."""
    expected = far.stat("m")
    proxy.break_off()
    proxy.answers = fault
    ends(lambda: whole(far, "m", expected))
    if fault.drip_from or fault.hang_at:
        return  # the shorter answers arrive whole
    for act in (far.ensure, lambda: far.stat("m"), lambda: list(far.list("")), lambda: far.create("n", b"x")):
        ends(act)


def test_every_call_ends_when_requests_go_nowhere(far: Bucket, proxy: FaultProxy) -> None:
    """Fault 4: a hung store ends no thread and blocks none for good."""
    proxy.requests = BLACK_HOLE
    for act in (far.ensure, lambda: far.create("n", BODY), lambda: whole(far, "m")):
        ends(act)
    proxy.heal()
    assert whole(far, "m") == BODY


def test_waiting_threads_all_end_and_leave_their_connections(far: Bucket, proxy: FaultProxy) -> None:
    """Faults 4 and 24: with more threads than connections, the threads wait, and none is left behind."""
    proxy.requests = BLACK_HOLE
    with ThreadPoolExecutor(48) as threads:  # more than there are connections
        failures = list(threads.map(lambda _: _failure(lambda: far.stat("m")), range(48)))
    assert all(isinstance(failure, StoreUnavailable) for failure in failures)
    proxy.heal()
    assert far.stat("m").size == len(BODY)


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_body_is_never_taken_for_whole(far: Bucket, proxy: FaultProxy, tenth: int) -> None:
    """Fault 5: the body is cut at each tenth of its length."""
    expected = far.stat("m")
    proxy.break_off()
    proxy.answers = Fault(cut_at=len(BODY) * tenth // 10)
    with pytest.raises(StoreUnavailable):
        whole(far, "m", expected)
    with pytest.raises(StoreUnavailable):
        far.read("m", 1_000_000)


def test_a_bit_that_flips_on_the_way_in_is_noticed_by_the_store_and_sent_again(
    patient: Bucket, bucket: Bucket, proxy: FaultProxy
) -> None:
    proxy.requests = Fault(flip_at=len(BODY) // 2)
    assert patient.create("n", BODY) is Created.YES
    assert bucket.read("n", len(BODY)) == BODY


def test_a_create_whose_answer_was_lost_says_that_it_may_be_ours(
    patient: Bucket, bucket: Bucket, proxy: FaultProxy
) -> None:
    """Fault 40: the answer of the store is lost."""
    proxy.break_off()
    proxy.answers = Fault(reset_at=1)  # so that the store has answered when the connection is cut
    healed = threading.Thread(target=_heal_once_there, args=(bucket, proxy, "n"))
    healed.start()
    assert patient.create("n", b"ours") is Created.MAYBE_OURS
    healed.join()
    assert bucket.read("n", 10) == b"ours"


def test_a_connection_that_was_closed_while_idle_costs_no_failure(patient: Bucket, proxy: FaultProxy) -> None:
    """Fault 22: the store closes the connection."""
    for _ in range(3):
        patient.stat("m")
        proxy.break_off()
    assert patient.create("n", b"x") in {Created.YES, Created.MAYBE_OURS}
    assert patient.read("n", 10) == b"x"


def test_calls_share_few_connections(patient: Bucket, proxy: FaultProxy) -> None:
    """Fault 24: connections are kept and used again."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: patient.create(f"n/{number}", b"x"), range(200)))
    assert proxy.connections <= 8


def test_something_else_at_the_stores_address_is_no_store(store: Store) -> None:
    import http.server

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name there
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        bucket = Bucket(store.settings(aws_endpoint_url_s3=url, store_timeout=TIMEOUT))
        with pytest.raises(StoreUnavailable):
            list(bucket.list(""))
        with pytest.raises(StoreUnavailable):
            bucket.create("a", b"")
        server.shutdown()


def _failure(act: Callable[[], object]) -> BaseException | None:
    try:
        act()
    except StoreUnavailable as error:
        return error
    return None


def _heal_once_there(bucket: Bucket, proxy: FaultProxy, key: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(listed.key == key for listed in bucket.list(key)):
            proxy.answers = Fault()
            return

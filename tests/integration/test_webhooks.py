"""Webhooks of a real model_server: signatures, Slack's form, and no event lost when processes are killed."""

import base64
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from model_server.webhooks.addresses import Address
from model_server.webhooks.event import Event, EventType
from model_server.webhooks.sender import Outcome, Sender
from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.store import Store
from tests.webhook_receiver import Receiver, Request, receiving

KEYS = [bytes(range(number, number + 32)) for number in (1, 2)]
SECRET = " ".join(f"whsec_{base64.b64encode(key).decode()}" for key in KEYS)
ROUNDS = 3
VERSIONS = [hashlib.sha256(a_model(seed)).hexdigest() for seed in range(ROUNDS)]


def events(receiver: Receiver, path: str = "/hook") -> dict[str, dict[str, object]]:
    """The events that came, by their ids; all requests with one id have the same body."""
    bodies: dict[str, bytes] = {}
    for request in list(receiver.requests):
        if request.path == path:
            assert bodies.setdefault(request.id, request.body) == request.body
    return {identity: json.loads(body) for identity, body in bodies.items()}


def of_type(receiver: Receiver, kind: str) -> list[dict[str, object]]:
    return [event["data"] for event in events(receiver).values() if event["type"] == kind]  # type: ignore[misc]


def check_signatures(request: Request) -> None:
    """Verify as a receiver would that has only the specification."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in KEYS]
    assert request.headers["webhook-signature"].split(" ") == [f"v1,{each}" for each in expected]
    assert "." not in request.id


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_what_happens_to_versions_rollouts_and_replicas_arrives_signed(
    seaweed: Store, bucket_name: str, tmp_path: Path, receiver: Receiver
) -> None:
    refused = []

    def answer(request: Request) -> int:
        """One address fails always; the other refuses one event for a while, and fails at the first request."""
        if request.path == "/gone":
            return 500
        if b"version.rejected" in request.body and len(refused) < 2:
            refused.append(request)
            return 400
        return 503 if sum(each.path == "/hook" for each in receiver.requests) == 1 else 200

    receiver.answer = answer
    settings = {"WEBHOOK_URLS": f"{receiver.url}/gone {receiver.url}/hook", "WEBHOOK_SECRET": SECRET}
    with ModelServer(seaweed, f"webhooks-{bucket_name}", tmp_path, settings) as server:
        for seed in range(2):
            assert server.publish(a_model(seed)).ok
        assert server.report("r1", ready=[]) == 204
        assert server.publish(b"no <model>").status_code == 422
        assert server.roll(VERSIONS[0]).json()["state"] == "committed"

        def failed() -> bool:
            return server.report("r2", ready=[VERSIONS[0]], failed={VERSIONS[1]: "no room"}) == 204

        assert failed()
        assert server.roll(VERSIONS[1], wait=0).status_code == 202
        wait_until(lambda: failed() and of_type(receiver, "rollout.aborted"), what="the abortion")
        wait_until(lambda: len(of_type(receiver, "version.rejected")) == 1, what="the rejection")
        wait_until(lambda: "r1" in [event["replica"] for event in of_type(receiver, "replica.stale")], what="r1")
        shown = server.get("/metrics", token=None).text
    assert [event["version"] for event in of_type(receiver, "version.admitted")] == VERSIONS[:2]
    (committed,) = of_type(receiver, "rollout.committed")
    assert (committed["sequence"], committed["version"], committed["by"]) == (1, VERSIONS[0], "publish-token")
    (aborted,) = of_type(receiver, "rollout.aborted")
    assert "no room" in str(aborted["reason"])
    for request in receiver.requests:
        check_signatures(request)
    assert float(shown.split('webhooks_total{outcome="failed"} ')[1].split()[0]) > 3
    assert receiver.url not in server.log.replace(f"{receiver.url} ", "")  # its host only, without the path


def test_what_goes_wrong_in_an_attempt_is_its_outcome_and_shows_no_path(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    event, sender = Event.of(EventType.VERSION_REJECTED, "2026-01-31T12:00:00Z", {}, "a"), Sender((), "slack")
    receiver.more_head = b"no header\r\n"  # urllib3 warns of it
    assert sender.send(Address(f"{receiver.url}/secret"), event) == Outcome()
    for url in ("http://a..b/secret", "http://\u20ac:secret@127.0.0.1:9/secret"):
        assert sender.send(Address(url), event).reason
    assert "secret" not in caplog.text


def test_slack_gets_a_message_without_markup_of_the_upload(receiver: Receiver) -> None:
    event = Event.of(EventType.VERSION_REJECTED, "2026-01-31T12:00:00Z", {"model": "loan", "name": "<!here>&"}, "a")
    sender, address = Sender((), "slack"), Address(f"{receiver.url}/hook")
    receiver.answer = lambda _: 302
    assert sender.send(address, event).refused  # no redirect is followed
    receiver.answer = lambda _: None
    assert sender.send(address, event).reason == "ConnectionError"
    receiver.answer = lambda _: 200
    assert sender.send(address, event) == Outcome()
    assert events(receiver) == {event.id: {"text": "loan: the upload &lt;!here&gt;&amp; was rejected"}}
    assert all("webhook-signature" not in request.headers for request in receiver.requests)


def records(bucket: Bucket) -> list[tuple[str, ...]]:
    """What the bucket says: an entry for each record of a version, a rejected upload and an ended rollout."""
    listed = []
    for prefix in (keys.VERSIONS, keys.REJECTED, keys.ROLLOUTS, keys.ABORTED):
        for item in bucket.list(prefix):
            if item.key.endswith("/manifest.json"):
                listed.append(("version.admitted", item.key.split("/")[2]))
            elif item.key.endswith(".reason.json"):
                listed.append(("version.rejected", json.loads(bucket.read(item.key, 65536))["name"]))
            elif prefix == keys.ROLLOUTS:
                listed.append(("rollout.committed", json.loads(bucket.read(item.key, 65536))["id"]))
            elif prefix == keys.ABORTED:
                listed.append(("rollout.aborted", json.loads(bucket.read(item.key, 65536))["id"]))
    return sorted(listed)


def arrived(receiver: Receiver) -> list[tuple[str, ...]]:
    """The same from the events that came."""
    members = {"version.admitted": "version", "version.rejected": "name"}
    return sorted(
        (str(event["type"]), str(event["data"][members.get(str(event["type"]), "id")]))  # type: ignore[index]
        for event in events(receiver).values()
        if event["type"] != "replica.stale"
    )


def acts(server: ModelServer, number: int, wait: float) -> None:
    """What becomes records: a version, a rejected upload, and two rollouts. A call may fail, the next one is made."""
    for act in (
        lambda: server.publish(a_model(number)),
        lambda: server.publish(b"no model %d" % number),
        lambda: server.roll(VERSIONS[number], wait=wait),
        lambda: server.roll(VERSIONS[0], wait=wait),
    ):
        with suppress(requests.RequestException):
            act()


def check_events(receiver: Receiver, bucket: Bucket, server: ModelServer) -> None:
    """Wait until what came is what the bucket says, and rollouts that the store was too dead to record."""

    def is_complete() -> bool:
        came, recorded = Counter(arrived(receiver)), Counter(records(bucket))
        more = came - recorded
        assert {kind for kind, _ in more} <= {"rollout.aborted"}, more
        return bool(came) and not recorded - came and more.total() <= len(server.events("rollout.unrecorded"))

    wait_until(is_complete, what="every event")


def test_the_events_are_those_of_the_bucket_whatever_is_killed(tmp_path: Path, receiver: Receiver) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    dice = random.Random(seed)
    receiver.answer = lambda _: dice.choice([200, 200, 200, 503, None])
    settings = {"WEBHOOK_URLS": f"{receiver.url}/hook", "WEBHOOK_SECRET": SECRET, "LEASE_MS": "0"}
    with Store("seaweed", tmp_path) as store:
        bucket = store.bucket(bucket="killed")
        with ModelServer(store, "killed", tmp_path / "server", settings) as server, ThreadPoolExecutor(1) as caller:
            wait_until(lambda: server.events("webhook.opened"), what="the beginning")
            for number, victim in enumerate(dice.sample([server, server, store], ROUNDS)):
                moment = len(receiver.requests) + dice.randrange(1, 5)  # a request that is being answered then
                calls = caller.submit(acts, server, number, dice.random())
                wait_until(lambda: calls.done() or len(receiver.requests) >= moment, what="the moment")  # noqa: B023
                victim.kill()
                victim.start()
                calls.result()
            receiver.answer = lambda _: 200
            check_events(receiver, bucket, server)
            assert {"version.admitted", "version.rejected"} <= {kind for kind, _ in arrived(receiver)}
        bucket.close()
    for request in receiver.requests:
        check_signatures(request)

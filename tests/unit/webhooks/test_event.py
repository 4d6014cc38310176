import json

import pytest

from changeover.protocol.wire import RolloutState
from model_server.ledger.record import Rollout
from model_server.rollouts.past import Ended
from model_server.settings import ServerSettings
from model_server.versions.version_index import Rejection
from model_server.webhooks import recorded
from model_server.webhooks.addresses import Address, addresses_in
from model_server.webhooks.bodies import body_of
from model_server.webhooks.event import Event, EventType, drift_detected, sentence

AT = "2026-01-31T12:00:00.000000Z"


def rollout(state: RolloutState, sequence: int = 3, identity: str = "a") -> Event:
    record = Rollout(
        id=identity,
        model="loan",
        sequence=sequence,
        version="a" * 64,
        state=state,
        by="ann",
        reason="why",
        rolled_at=AT,
    )
    return recorded.of_rollout(Ended(record))


def test_an_id_is_of_one_record_and_the_same_for_each_reading_of_it() -> None:
    committed, aborted = RolloutState.COMMITTED, RolloutState.ABORTED
    assert rollout(committed).id == rollout(committed).id
    different = [rollout(committed), rollout(committed, 4), rollout(committed, 3, "b"), rollout(aborted)]
    assert len({event.id for event in different}) == 4
    assert rollout(aborted, 3).id == rollout(aborted, 4).id  # an aborted rollout has no number


def test_an_upload_that_is_rejected_again_is_the_same_event() -> None:
    first, again = (
        recorded.of_rejection(Rejection(model="loan", name="a.joblib", version="b" * 64, created_at=at, reason="no"))
        for at in (AT, "2026-02-01T00:00:00.000000Z")
    )
    assert first.id == again.id


def test_the_body_is_type_time_and_data() -> None:
    body = json.loads(body_of(rollout(RolloutState.COMMITTED), "json"))
    assert (body["type"], body["timestamp"]) == ("rollout.committed", AT)
    assert body["data"]["sequence"] == 3
    assert "deadline" not in body["data"]


def test_each_type_has_a_sentence() -> None:
    assert sentence(rollout(RolloutState.COMMITTED)) == "loan: version aaaaaaaaaaaa is current by ann, sequence 3: why"
    assert (
        sentence(rollout(RolloutState.ABORTED)) == "loan: the rollout of version aaaaaaaaaaaa by ann was aborted: why"
    )
    drift = drift_detected(AT, "loan", "a" * 64, ["age"], "age: PSI 0.3, the line is 0.1")
    assert sentence(drift) == "loan: the inputs of version aaaaaaaaaaaa have drifted: age: PSI 0.3, the line is 0.1"
    assert all(sentence(Event.of(kind, AT, {})) for kind in EventType)


def test_a_long_reason_is_cut_in_a_message() -> None:
    event = drift_detected(AT, "loan", "a" * 64, [], "x" * 5000)
    assert len(json.loads(body_of(event, "slack"))["text"]) == 1000


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    (address,) = addresses_in("https://me:pw@hooks.example.org:8443/T0/secret?token=1")
    assert address.shown == "https://hooks.example.org:8443"
    assert address.key != Address("https://hooks.example.org:8443/other").key
    assert addresses_in(" http://a/ http://b/\n http://a/ ") == (Address("http://a/"), Address("http://b/"))


@pytest.mark.parametrize("listed", ["ftp://a/", "a.example.org/secret", "http://", "http://a:secret/"])
def test_what_is_no_address_is_refused_without_showing_it(listed: str) -> None:
    with pytest.raises(ValueError, match=r"^address 1 is not http") as refused:
        addresses_in(listed)
    assert "secret" not in str(refused.value)


def test_addresses_without_a_secret_are_refused_except_with_messages() -> None:
    token = "a-token-of-sixteen-characters"
    tokens = {"publish_token": token, "report_token": token, "webhook_urls": "http://a/"}
    with pytest.raises(ValueError, match="WEBHOOK_URLS is set without WEBHOOK_SECRET"):
        ServerSettings(**tokens)
    assert ServerSettings(**tokens, webhook_format="slack").webhook_addresses == (Address("http://a/"),)

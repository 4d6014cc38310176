"""The ledger on real stores: one winner a number, false hints, and objects that are no entries."""

import json
import threading

import pytest

from changeover.protocol.wire import RolloutState
from model_server.exceptions import RecordUnreadable
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from object_store import keys
from object_store.bucket import Bucket

A, B = "a" * 64, "b" * 64
NEVER = threading.Event()


def an_entry(sequence: int, version: str = A, identity: str = "one") -> Rollout:
    return Rollout(
        id=identity,
        model="loan",
        sequence=sequence,
        version=version,
        state=RolloutState.COMMITTED,
        reason="why",
        by="ann",
        rolled_at=f"2026-01-0{sequence}T00:00:00.000000Z",
    )


@pytest.fixture
def ledger(bucket: Bucket) -> Ledger:
    bucket.ensure()
    return Ledger(bucket)


def test_a_ledger_without_entries_names_nothing(ledger: Ledger) -> None:
    assert ledger.newest("loan") is None
    assert list(ledger.entries("loan")) == []
    assert ledger.models() == []


def test_of_16_writers_of_one_number_one_wins_and_all_get_its_entry(bucket: Bucket, ledger: Ledger) -> None:
    barrier = threading.Barrier(16)
    holders: list[Rollout] = []

    def append(number: int) -> None:
        mine = an_entry(1, identity=f"writer-{number}")
        barrier.wait()
        holders.append(Ledger(bucket).append(mine, NEVER))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(holders) == 16
    assert len({holder.id for holder in holders}) == 1
    newest = ledger.newest("loan")
    assert newest is not None
    assert newest.id == holders[0].id


def test_appending_again_after_a_lost_reply_finds_its_own_entry(ledger: Ledger) -> None:
    assert ledger.append(an_entry(1), NEVER) == an_entry(1)
    assert ledger.append(an_entry(1), NEVER) == an_entry(1)
    assert ledger.append(an_entry(1, identity="another"), NEVER).id == "one"


def test_the_newest_entry_is_found_with_a_hint_that_is_missing_old_ahead_or_broken(
    bucket: Bucket, ledger: Ledger
) -> None:
    for sequence in (1, 2, 3):
        ledger.append(an_entry(sequence, version=A if sequence % 2 else B), NEVER)
    hints = [b'{"sequence": 1}', b'{"sequence": 9}', b"no json", b'{"sequence": "3"}', b"[]", b'{"sequence": 3}']
    for hint in hints:
        bucket.write(keys.current_key("loan"), hint)
        newest = Ledger(bucket).newest("loan")
        assert newest is not None, hint
        assert newest.sequence == 3, hint
    bucket.delete(keys.current_key("loan"))
    newest = Ledger(bucket).newest("loan")
    assert newest is not None
    assert newest.sequence == 3
    assert Ledger(bucket).models() == ["loan"]


def test_the_entry_that_was_current_at_a_time_is_returned(ledger: Ledger) -> None:
    for sequence in (1, 2):
        ledger.append(an_entry(sequence, version=A if sequence == 1 else B), NEVER)
    entry = ledger.at("loan", "2026-01-01T12:00:00+00:00")
    assert entry is not None
    assert entry.version == A
    assert ledger.at("loan", "2025-12-31T00:00:00Z") is None
    with pytest.raises(ValueError, match="time zone"):
        ledger.at("loan", "2026-01-01T12:00:00")
    assert [entry.sequence for entry in ledger.entries("loan", before=2)] == [1]


def test_an_object_in_the_ledgers_place_that_is_no_entry_is_named(bucket: Bucket, ledger: Ledger) -> None:
    whole = an_entry(1).to_json()
    for change, reason in (
        ({"version": None}, "rollout.version"),
        ({"version": f"{A}\n"}, "rollout.version"),
        ({"previous": "none"}, "rollout.previous"),
        ({"rolled_at": "today"}, "rollout.rolled_at"),
        ({"by": 7}, "rollout.by"),
    ):
        bucket.write(keys.rollout_key("loan", 1), json.dumps(whole | change).encode())
        with pytest.raises(RecordUnreadable, match="00000001") as unreadable:
            ledger.newest("loan")
        assert reason in str(unreadable.value)


def test_an_entry_of_a_later_release_or_of_another_writer_is_read(bucket: Bucket, ledger: Ledger) -> None:
    least = {"version": A, "rolled_at": "2026-01-01T00:00:00Z"}
    bucket.create(keys.rollout_key("loan", 1), json.dumps(least | {"later": [1], "reason": "x" * 3000}).encode())
    newest = ledger.newest("loan")
    assert newest is not None
    expected = {
        "id": "1",
        "model": "loan",
        "sequence": 1,
        "version": A,
        "previous": None,
        "state": "committed",
        "reason": "x" * 2000,
        "by": "",
        "on_behalf_of": "",
        "rolled_at": "2026-01-01T00:00:00Z",
    }
    assert list(newest.to_json().items()) == list(expected.items())

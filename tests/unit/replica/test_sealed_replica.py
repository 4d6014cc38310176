"""A replica of a sealed registry: which ledger entries it follows, and when it verifies."""

import pytest

from changeover.exceptions import SealBroken
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from changeover.sealed.keys import SigningKey
from changeover.sealed.statement import PAYLOAD_TYPE, EntryFacts, ManifestNamed, payload
from changeover.sealed.trust import Trust
from predict_api.exceptions import LowerSequence
from predict_api.replica.freshness import Outcome
from predict_api.replica.replica import Replica
from predict_api.upstream.freshness_check import CheckAnswer
from tests.unit.replica.test_replica import prepared

A, B, C = "a" * 64, "b" * 64, "c" * 64
OURS, OTHER = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)


def seal(sequence: int, version: str, model: str = "loan", signer: SigningKey = OURS, number: int = 0) -> Envelope:
    facts = EntryFacts(model, sequence, version, ManifestNamed(number, C), None, "2026-11-27T12:00:00Z", "rollout")
    return signer.sign(PAYLOAD_TYPE, payload("d" * 64, facts))


def says(sequence: int, version: str, envelope: Envelope | None = None, following: str | None = None) -> CheckAnswer:
    return CheckAnswer(Current(sequence, version), following, 0.0, "x", seal=envelope)


class Counting(Trust):
    """The trust in our key; it counts its verifications."""

    def __init__(self) -> None:
        self.verified = 0
        super().__init__(self._count)

    def _count(self) -> list[object]:  # type: ignore[override]
        self.verified += 1
        return [OURS.public]


@pytest.fixture
def trust() -> Counting:
    return Counting()


@pytest.fixture
def replica(trust: Counting) -> Replica:
    return Replica("loan", None, lambda: None, trust)


def holding(replica: Replica) -> Replica:
    assert replica.on_answer(says(1, A, seal(1, A)), 1.0) is Outcome.BEHIND
    replica.add(prepared(A))
    assert replica.on_answer(says(1, A, seal(1, A)), 2.0) is Outcome.CONFIRMED
    return replica


def test_a_sealed_entry_is_followed_and_verified_once(replica: Replica, trust: Counting) -> None:
    holding(replica)
    verified = trust.verified
    for time in range(3, 100):
        assert replica.on_answer(says(1, A, seal(1, A)), float(time)) is Outcome.CONFIRMED
    assert trust.verified == verified
    assert replica.seal_of(Current(1, A)) == seal(1, A)


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        seal(2, B, signer=OTHER),
        seal(1, A),  # replayed
        seal(2, A),
        seal(3, B),
        seal(2, B, model="fraud"),
    ],
)
def test_an_entry_without_its_own_seal_is_not_followed_and_the_active_version_stays(
    replica: Replica, envelope: Envelope | None
) -> None:
    holding(replica)
    replica.add(prepared(B))
    with pytest.raises(SealBroken, match="rollouts/loan/00000002"):
        replica.on_answer(says(2, B, envelope), 3.0)
    assert replica.active is not None
    assert replica.active.current == Current(1, A)
    assert replica.to_prepare(3.0) is None
    assert replica.on_answer(says(1, A), 4.0) is Outcome.CONFIRMED


def test_the_version_of_an_entry_without_a_seal_is_not_even_prepared(replica: Replica) -> None:
    with pytest.raises(SealBroken):
        replica.on_answer(says(1, A), 1.0)
    assert replica.to_prepare(1.0) is None


def test_a_version_that_is_announced_is_prepared_though_the_current_entry_has_no_seal(replica: Replica) -> None:
    holding(replica)
    with pytest.raises(SealBroken):
        replica.on_answer(says(2, B, following=C), 3.0)
    assert replica.to_prepare(3.0) == C
    replica.add(prepared(C))
    assert replica.on_answer(says(3, C, seal(3, C)), 4.0) is Outcome.CONFIRMED


def test_a_sealed_entry_of_a_lower_sequence_is_refused(replica: Replica, trust: Counting) -> None:
    holding(replica).add(prepared(B))
    assert replica.on_answer(says(2, B, seal(2, B)), 3.0) is Outcome.BEHIND
    replica.add(prepared(B))
    assert replica.on_answer(says(2, B, seal(2, B)), 4.0) is Outcome.CONFIRMED
    with pytest.raises(LowerSequence):
        replica.on_answer(says(1, A, seal(1, A)), 5.0)
    restarted = Replica("loan", Current(2, B), lambda: None, trust)
    with pytest.raises(LowerSequence):
        restarted.on_answer(says(1, A, seal(1, A)), 1.0)


def test_a_cached_entry_is_verified_before_it_is_used(replica: Replica) -> None:
    with pytest.raises(SealBroken):
        replica.verify_cached(Current(1, A), None)
    with pytest.raises(SealBroken):
        replica.verify_cached(Current(1, A), seal(1, A, signer=OTHER))
    replica.verify_cached(Current(1, A), seal(1, A, number=3))
    assert (replica.manifest_floor(A), replica.manifest_floor(B)) == (3, 0)

"""1,000 replicas: each roll ends soon after its last replica is ready, whatever restarts or is cut off meanwhile."""

from tests.simulation.fleet import LEASE_S, Fleet
from tests.simulation.server import CHECK

REPLICAS = 1000
AFTER_READY_S = LEASE_S + 2.0


def test_a_thousand_replicas_switch_within_a_lease_and_two_seconds_of_the_last_ones_readiness() -> None:
    fleet = Fleet(REPLICAS, seed=0)
    fleet.run()
    assert len(fleet.rolls) == 2
    assert max(roll.seconds_after_ready for roll in fleet.rolls) <= AFTER_READY_S
    assert fleet.world.violations() == []
    answers = fleet.world.history.answers
    assert len({answer.who for answer in answers}) > REPLICAS / 4, "clients ask many of the replicas"
    assert {answer.stale for answer in answers} >= {False}
    assert fleet.traffic()[1][CHECK] > 2 * REPLICAS, "replicas renew their leases"

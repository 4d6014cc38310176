"""Large fleets: each roll ends soon after its last replica is ready, whatever restarts or is cut off meanwhile."""

import pytest

from tests.simulation.fleet import LEASE_S, Fleet
from tests.simulation.server import CHECK

REPLICAS = 1000
AFTER_READY_S = LEASE_S + 2.0


def keep(fleet: Fleet) -> None:
    """Each roll of the story has ended in time, and no promise is broken."""
    assert max(roll.seconds_after_ready for roll in fleet.rolls) <= AFTER_READY_S
    assert fleet.world.violations() == []


def test_a_thousand_replicas_switch_within_a_lease_and_two_seconds_of_the_last_ones_readiness() -> None:
    fleet = Fleet(REPLICAS, seed=0)
    fleet.run(quiet_roll=False)
    keep(fleet)
    assert len(fleet.world.history.faults) > REPLICAS / 5, "model_server and replicas restart, others are cut off"
    assert max(calls[CHECK] for calls in fleet.traffic().values()) > 2 * REPLICAS, "replicas renew their leases"
    assert len({answer.who for answer in fleet.world.history.answers}) > REPLICAS / 5, "clients ask many of them"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_smaller_fleet_also_rolls_before_the_restart(seed: int) -> None:
    fleet = Fleet(120, seed)
    fleet.run()
    assert len(fleet.rolls) == 2
    keep(fleet)

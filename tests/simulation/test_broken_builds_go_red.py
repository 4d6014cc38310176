"""Builds that are broken on purpose: the simulation catches each within so many seeds."""

import pytest

from changeover.consistency.violation import Promise
from tests.simulation.broken import BUILDS, broken, harder
from tests.simulation.schedules import plan_of
from tests.simulation.world import World

ORDER = {Promise.NO_WAY_BACK, Promise.FRESHNESS}
BREAKS = {"flip-before-durable": {Promise.SAFETY, Promise.ONE_VERSION, *ORDER}}
WITHIN = 600


@pytest.mark.parametrize("name", sorted(BUILDS))
def test_a_broken_build_is_caught(name: str) -> None:
    for seed in range(WITHIN):
        world = World(seed, harder(name, plan_of(seed)))
        with broken(name):
            world.run()
        if {violation.promise for violation in world.violations()} & BREAKS.get(name, ORDER):
            return
    pytest.fail(f"{WITHIN} seeds did not show that {name} is broken")

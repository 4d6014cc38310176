"""The promises on thousands of histories: the product's loops in a simulated world with failures.

A seed that breaks a promise is printed with the command that replays it.
"""

import secrets

import pytest

from tests.simulation.broken import BUILDS, harder
from tests.simulation.schedules import plan_of
from tests.simulation.world import World

AT_ONCE = 100
FIXED = 1500
FRESH = secrets.randbelow(10**9)


def keep(seeds: range, worlds: str | None = None) -> list[World]:
    """Run the seeds; each must keep every promise."""
    worlds_run = []
    for seed in seeds:
        world = World(seed, harder(worlds, plan_of(seed)))
        world.run()
        broken = world.violations()
        replay = f"python -m tests.simulation --trace --seed {seed}" + (f" --harder {worlds}" if worlds else "")
        assert not broken, f"{broken[0].promise}: {broken[0].message}; replay it by: {replay}"
        worlds_run.append(world)
    return worlds_run


@pytest.mark.parametrize("first", range(0, FIXED, AT_ONCE))
def test_whatever_goes_wrong_the_promises_hold(first: int) -> None:
    """Attribution, atomicity, no way back, freshness, availability, safety, durability, and convergence at the end."""
    keep(range(first, first + AT_ONCE))


def test_the_promises_hold_on_new_seeds() -> None:
    print(f"seeds from {FRESH} on")  # noqa: T201 pytest shows it with a failure
    keep(range(FRESH, FRESH + AT_ONCE))


@pytest.mark.parametrize("worlds", sorted(BUILDS))
def test_the_promises_hold_where_a_broken_build_breaks_them(worlds: str) -> None:
    """The same worlds in which `test_broken_builds_go_red.py` catches each broken build."""
    keep(range(40), worlds)


def test_the_worlds_are_not_idle() -> None:
    """Rollouts are committed and aborted, answers come fresh and stale, and everything that can go wrong does."""
    worlds = keep(range(200))
    states = {one.state for world in worlds for one in world.history.rollouts}
    assert states == {"committed", "aborted", "unknown"}
    assert {one.stale for world in worlds for one in world.history.answers} == {True, False}
    wrong = {fault.what.rsplit(" ", 1)[0] for world in worlds for fault in world.history.faults}
    assert wrong >= {"kill", "stop", "pause", "cut", "cut to server", "cut from server", "slow from server"}
    assert wrong >= {"store away", "store stalls", "store slow", "listing"}


def test_a_seed_is_the_same_history_every_time() -> None:
    for seed in range(5):
        first, second = World(seed), World(seed)
        assert list(first.run().records()) == list(second.run().records())
        assert first.notes == second.notes

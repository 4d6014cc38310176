"""The promises in the worlds of a sealed registry, and what a writer of its bucket can do there."""

import json

import pytest

from changeover.protocol.wire import RolloutState
from changeover.sealed.keys import SigningKey
from object_store import keys
from tests.simulation.store import MODEL
from tests.simulation.test_stories import STILL, Story
from tests.simulation.world import World

KEY = SigningKey.from_seed(b"1" * 32)
SEEDS = 60


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_the_promises_hold_in_a_sealed_registry(first: int) -> None:
    for seed in range(first, first + 20):
        world = World(seed, key=KEY)
        world.run()
        broken = world.violations()
        assert not broken, f"seed {seed}: {broken[0].promise}: {broken[0].message}"
        assert [text for name, text in world.server.problems.texts().items() if name.startswith("seal")] == []


def test_a_forged_entry_costs_an_alarm_and_no_roll() -> None:
    """Fault 81: a well-formed entry under the next number."""
    world = World(0, STILL, key=KEY)
    with world.simulated():
        story = Story(world)
        forged = {"id": "f", "version": story.next, "rolled_at": "2026-01-01T00:00:00Z"}
        world.store.objects[keys.rollout_key(MODEL, 2)] = json.dumps(forged).encode()
        story.goes_on(5.0)
        assert keys.rollout_key(MODEL, 2) in " ".join(world.server.problems.texts())
        assert [worker.active().current.sequence for worker in world.workers] == [1, 1]  # type: ignore[union-attr]
        story.roll()
        story.until(lambda: bool(story.ended))
        assert story.ended == [(RolloutState.COMMITTED, 2)]
        story.goes_on(3.0)
        assert [worker.active().current.sequence for worker in world.workers] == [2, 2]  # type: ignore[union-attr]
        world.end()


def sequences(world: World) -> list[int]:
    """The sequence that each replica answers by."""
    active = [worker.active() for worker in world.workers]
    return [version.current.sequence if version else 0 for version in active]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_older_ledger_in_the_place_of_the_newest_is_followed_by_none(restarts: bool) -> None:
    """Fault 81: the newest entry is gone, and the hint says that it never was."""
    world = World(0, STILL, key=KEY)
    with world.simulated():
        story = Story(world)
        story.roll()
        story.until(lambda: bool(story.ended))
        story.goes_on(3.0)
        assert sequences(world) == [2, 2]
        whole = world.store.objects.pop(keys.rollout_key(MODEL, 2))
        world.store.put(keys.current_key(MODEL), {"sequence": 1, "lease_ms": 0})
        if restarts:
            world.server.die()
            world.server.start()
        story.goes_on(10.0)
        assert sequences(world) == [2, 2]
        assert keys.rollout_key(MODEL, 2) in " ".join(map(str, world.server.problems.texts().items())) or not restarts
        assert (world.server.state.current is None) == restarts
        world.store.objects[keys.rollout_key(MODEL, 2)] = whole
        story.until(lambda: world.server.state.current is not None and world.server.state.current.sequence == 2)
        story.goes_on(5.0)
        assert sequences(world) == [2, 2]
        world.end()

"""Stories of rollouts with the state after each step, as readable examples of what the seeds do at random.

A state has the sequence that model_server reports, the word `lease` if it grants leases, and the sequence of each
replica's answer, with `?` if that is stale.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from changeover.protocol.wire import RolloutState
from tests.simulation.events import Clock
from tests.simulation.network import Weather
from tests.simulation.replica import Worker
from tests.simulation.schedules import Plan
from tests.simulation.store import MODEL, MODELS
from tests.simulation.world import World, version

STILL = Plan(
    replicas=2,
    models=1,
    server_clock=Clock(),
    clocks=[Clock(offset=50.0), Clock(offset=-50.0)],
    leases_ms=[1000],
    weather=Weather(),
    prepare_timeout=6.0,
    rolls_at=[],
    faults_at=[],
    meanness=0.0,
    think_s=1e9,
    bad_share=0.0,
    listing_lags=False,
)


class Story:
    """A world without failures and without random requests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ended: list[tuple[RolloutState, int | None]] = []
        self.world.begin()
        self.goes_on(4.0)  # replicas are known and have leases
        self.next = self.world.new_version()

    def goes_on(self, seconds: float) -> None:
        """Time passes."""
        self.world.events.run(lambda: False, self.world.events.now + seconds)

    def until(self, holds: Callable[[], bool]) -> None:
        """Time passes until something holds, which it does within seconds."""
        self.world.events.run(holds, self.world.events.now + 30.0)
        assert holds()

    def roll(self) -> None:
        """An operator rolls to the next version."""
        self.world.server.roll(self.next, lambda state, sequence, _version: self.ended.append((state, sequence)))

    def granting(self) -> bool:
        """Whether model_server grants leases."""
        return self.world.server.now() >= self.world.server.state.leased_pointer.granting_from

    def state(self) -> str:
        """The state."""
        server = self.world.server
        reported = "down"
        if server.ready and server.state.current is not None:
            current = server.state.current.sequence
            reported = f"{current} lease" if self.granting() else f"{current} no lease"
        return " | ".join([reported, *(self.answer_of(worker) for worker in self.world.workers)])

    def answer_of(self, worker: Worker, model: str = MODEL) -> str:
        """The sequence of the answer of a replica, with `?` if it is stale."""
        answers: list[str] = []
        worker.ask(
            lambda active, stale: answers.append(f"{active.current.sequence if active else '-'}{'?' if stale else ''}"),
            model,
        )
        self.until(lambda: bool(answers))
        return answers[0]


@pytest.fixture(params=[STILL], ids=["one model"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    world = World(0, request.param)
    with world.simulated():
        yield Story(world)
        world.end()


def test_a_rollout_with_nothing_in_its_way(story: Story) -> None:
    assert story.state() == "1 lease | 1 | 1"
    story.roll()
    assert story.state() == "1 lease | 1 | 1"  # prepares
    story.until(lambda: not story.granting())
    assert story.state() == "1 no lease | 1 | 1"  # fences
    story.until(lambda: bool(story.ended))
    assert story.ended == [(RolloutState.COMMITTED, 2)]
    assert {entry.version for entry in story.world.store.ledger()} == {version(0), version(1)}
    story.goes_on(0.5)
    assert story.state() == "2 lease | 2 | 2"


def test_the_fence_waits_for_the_lease_of_a_replica_that_is_cut_off_which_then_answers_stale(story: Story) -> None:
    story.roll()
    story.until(lambda: not story.granting())
    story.world.network.cut("replica-1", "server", 10.0)
    assert story.state() == "1 no lease | 1 | 1"  # replica-1 answers by its lease
    story.until(lambda: bool(story.ended))
    story.goes_on(0.5)
    assert story.state() == "2 lease | 2 | 1?"  # its lease is over before any answer by 2
    story.goes_on(10.0)
    assert story.state() == "2 lease | 2 | 2"


def test_a_restart_answers_the_old_version_without_a_lease_until_earlier_leases_have_expired(story: Story) -> None:
    story.world.server.die()
    assert story.state() == "down | 1 | 1"  # by their leases
    story.goes_on(0.1)
    story.world.server.start()
    story.until(lambda: story.world.server.ready)
    assert story.state().startswith("1 no lease")
    story.goes_on(1.1)
    assert story.state() == "1 lease | 1 | 1"


def test_a_crash_between_the_ledger_entry_and_the_flip_comes_back_with_the_new_version(story: Story) -> None:
    story.roll()
    story.until(lambda: len(story.world.store.ledger()) == 2)
    story.world.server.die()
    assert story.state() == "down | 1? | 1?"  # no lease is left, and no replica knows of 2
    story.world.server.start()
    story.until(lambda: story.world.server.ready)
    story.goes_on(2.5)
    assert story.state() == "2 lease | 2 | 2"
    assert story.ended == []


def test_one_replica_that_cannot_load_the_version_stops_the_rollout(story: Story) -> None:
    story.world.workers[1].bad.add(story.next)
    story.roll()
    story.until(lambda: bool(story.ended))
    assert story.ended == [(RolloutState.ABORTED, 2)]
    assert story.state() == "1 lease | 1 | 1"
    assert len(story.world.store.ledger()) == 1


THREE_MODELS = pytest.mark.parametrize("story", [replace(STILL, models=3)], ids=["three models"], indirect=True)


@THREE_MODELS
def test_replicas_renew_one_lease_for_all_models_by_one_call(story: Story) -> None:
    story.world.server.paths.clear()
    story.goes_on(2.0)
    assert set(story.world.server.paths) == {"/current"}
    renewals = len(story.world.server.paths)
    assert renewals <= 2 * 7  # of each replica, one in 300 ms
    assert [story.answer_of(worker, model) for worker in story.world.workers for model in MODELS] == ["1"] * 6
    assert len(story.world.server.paths) == renewals  # by their leases


@THREE_MODELS
def test_a_rollout_of_one_model_fences_that_model_alone(story: Story) -> None:
    story.roll()
    story.until(lambda: not story.granting())
    story.goes_on(0.4)  # the replicas have heard of the fence
    first = story.world.workers[0]
    story.world.network.cut("server", first.name, 10.0)
    assert [story.answer_of(first, model) for model in MODELS] == ["1?", "1", "1"]
    story.until(lambda: bool(story.ended))
    assert story.ended == [(RolloutState.COMMITTED, 2)]
    assert [story.answer_of(story.world.workers[1], model) for model in MODELS] == ["2", "1", "1"]

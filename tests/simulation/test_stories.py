"""Stories of rollouts, with the state after each step: what the seeds do at random, once and in order, for readers.

One state is: what model_server tells with which lease, and what each replica answers by, `?` where it says stale.
"""

from collections.abc import Callable

from changeover.protocol.wire import RolloutState
from tests.simulation.events import Clock
from tests.simulation.network import Weather
from tests.simulation.replica import Worker
from tests.simulation.schedules import Plan
from tests.simulation.world import World, quiet, version

STILL = Plan(
    replicas=2,
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
    """A world in which nothing happens but what is told."""

    def __init__(self) -> None:
        self.world = World(0, STILL)
        self.ended: list[tuple[RolloutState, int | None]] = []
        with quiet():
            self.world.begin()
        self.goes_on(4.0)  # replicas are known, and everybody holds a lease
        self.next = self.world.new_version()

    def goes_on(self, seconds: float) -> None:
        """Time passes."""
        with quiet():
            self.world.events.run(lambda: False, self.world.events.now + seconds)

    def until(self, holds: Callable[[], bool]) -> None:
        """Time passes until something holds, which it does within seconds."""
        with quiet():
            self.world.events.run(holds, self.world.events.now + 30.0)
        assert holds()

    def roll(self) -> None:
        """An operator rolls to the next version."""
        self.world.server.begin(self.next, lambda state, sequence: self.ended.append((state, sequence)))

    def granting(self) -> bool:
        """Whether model_server grants leases."""
        return self.world.server.now() >= self.world.server.leased_pointer.granting_from

    def state(self) -> str:
        """What is told, and what is answered."""
        server = self.world.server
        told = "down"
        if server.alive and server.ready and server.leased_pointer.pointer.current is not None:
            current = server.leased_pointer.pointer.current.sequence
            told = f"{current} lease" if self.granting() else f"{current} no lease"
        return " | ".join([told, *(self._answers(worker) for worker in self.world.workers)])

    def _answers(self, worker: Worker) -> str:
        found: list[str] = []
        worker.ask(lambda held, stale: found.append(f"{held.current.sequence if held else '-'}{'?' if stale else ''}"))
        self.until(lambda: bool(found))
        return found[0]


def test_a_rollout_with_nothing_in_its_way() -> None:
    story = Story()
    assert story.state() == "1 lease | 1 | 1"
    story.roll()
    assert story.state() == "1 lease | 1 | 1"  # prepares
    story.until(lambda: not story.granting())
    assert story.state() == "1 no lease | 1 | 1"  # fences: who has no lease asks
    story.until(lambda: bool(story.ended))
    assert story.ended == [(RolloutState.COMMITTED, 2)]
    assert {one.version for one in story.world.store.ledger.values()} == {version(0), version(1)}
    story.goes_on(0.5)
    assert story.state() == "2 lease | 2 | 2"


def test_a_replica_that_is_cut_off_in_the_fence_is_waited_for_by_its_lease_and_then_says_stale() -> None:
    story = Story()
    story.roll()
    story.until(lambda: not story.granting())
    story.world.network.cut("replica-1", "server", 10.0)
    assert story.state() == "1 no lease | 1 | 1"  # replica-1 answers by its lease
    story.until(lambda: bool(story.ended))
    story.goes_on(0.5)
    assert story.state() == "2 lease | 2 | 1?"  # it is over before anybody has an answer by 2
    story.goes_on(10.0)
    assert story.state() == "2 lease | 2 | 2"


def test_a_restart_tells_the_old_pointer_without_a_lease_until_leases_of_before_are_over() -> None:
    story = Story()
    story.world.server.die()
    assert story.state() == "down | 1 | 1"  # by their leases
    story.goes_on(0.1)
    story.world.server.start()
    story.until(lambda: story.world.server.ready)
    assert story.state().startswith("1 no lease")
    story.goes_on(1.1)
    assert story.state() == "1 lease | 1 | 1"


def test_a_crash_between_the_ledger_entry_and_the_flip_comes_back_with_the_new_version() -> None:
    story = Story()
    story.roll()
    story.until(lambda: len(story.world.store.ledger) == 2)
    story.world.server.die()
    assert story.state() == "down | 1? | 1?"  # nobody has a lease, nobody was told of 2
    story.world.server.start()
    story.until(lambda: story.world.server.ready)
    story.goes_on(2.5)
    assert story.state() == "2 lease | 2 | 2"
    assert story.ended == []


def test_one_replica_that_cannot_load_the_version_stops_the_rollout() -> None:
    story = Story()
    story.world.workers[1].bad.add(story.next)
    story.roll()
    story.until(lambda: bool(story.ended))
    assert story.ended == [(RolloutState.ABORTED, 2)]
    assert story.state() == "1 lease | 1 | 1"
    assert len(story.world.store.ledger) == 1

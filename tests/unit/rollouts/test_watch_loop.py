"""The loop of a watch: it rolls back once, with the reason, and ends with its time and with the next switch."""

import threading

import pytest

from changeover.protocol.rehearsal_counts import MILLISECONDS
from changeover.protocol.watch_counts import WatchCounts
from changeover.protocol.wire import ReplicaReport, RolloutState
from model_server.exceptions import CurrentMoved, RolloutUnderWay
from model_server.ledger.record import Rollout
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.watch import Watch
from model_server.rollouts.watch_loop import WatchLoop

END = 100.0


def entry(sequence: int) -> Rollout:
    return Rollout(
        id=f"id-{sequence}",
        model="loan",
        sequence=sequence,
        version=f"{sequence:064d}",
        state=RolloutState.COMMITTED,
        rolled_at="2026-01-01T00:00:00.000000Z",
    )


class Scene:
    """A model at sequence 2, whose switch is watched; `reasons` are those of the rollbacks that were begun."""

    def __init__(self) -> None:
        self.state, self.stopping = ModelState("loan"), threading.Event()
        self.reasons: list[str] = []
        self.error: Exception | None = None
        self.state.adopt(entry(2))
        self.state.announce(None, watch="id-2")
        self.loop = WatchLoop(self.state, entry(2), Watch(END), END, self.stopping, self.roll_back)

    def roll_back(self, reason: str) -> None:
        self.reasons.append(reason)
        if self.error is not None:
            raise self.error

    def times(self, *after: int) -> None:
        """Report this many requests of 100 ms after the switch, after 500 of 5 ms before it."""
        before_ms, after_ms = ([0] * (len(MILLISECONDS) + 1) for _ in range(2))
        before_ms[MILLISECONDS.index(5)], after_ms[MILLISECONDS.index(100)] = 500, sum(after)
        counts = WatchCounts("id-2", 500, 0, sum(after), 0, tuple(before_ms), tuple(after_ms))
        self.state.fleet.reported(ReplicaReport("r", "h", 1, None, frozenset(), {}, watch=counts), now=0.0)

    def count(self, replica: str, after: int, failed: int, identity: str = "id-2") -> None:
        counts = WatchCounts(identity, after=after, after_failed=failed)
        report = ReplicaReport(replica, "h", 1, None, frozenset(), {}, watch=counts)
        self.state.fleet.reported(report, now=0.0)

    @property
    def asked(self) -> str | None:
        return self.state.leased_pointer.pointer.watch


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_rolls_back_by_the_counts_of_all_replicas_and_ends(scene: Scene) -> None:
    scene.count("r1", 10, 3)
    assert scene.loop.run_once(1.0) is not None
    scene.count("r2", 10, 3)
    assert scene.loop.run_once(2.0) is None
    assert len(scene.reasons) == 1
    assert scene.reasons[0].startswith(
        "rolled back by the watch of sequence 2: 6 of 20 requests failed since the switch"
    )


def test_it_ends_with_its_time_and_replicas_count_no_more(scene: Scene) -> None:
    scene.count("r1", 1000, 0)
    assert scene.loop.run_once(END - 1) is not None
    assert scene.asked == "id-2"
    assert scene.loop.run_once(END) is None
    assert (scene.asked, scene.reasons) == (None, [])


def test_it_ends_with_the_next_switch_whatever_was_counted(scene: Scene) -> None:
    scene.count("r1", 100, 100)
    scene.state.adopt(entry(3))
    assert scene.loop.run_once(1.0) is None
    assert scene.reasons == []


def test_it_rolls_back_once_three_windows_are_slow(scene: Scene) -> None:
    for look, requests in enumerate([(), (50,), (50, 50), (50, 50, 50)]):
        scene.times(*requests)
        going_on = scene.loop.run_once(10.0 * look)
        assert (going_on is None) is (look == 3)
    assert scene.reasons == [
        (
            "rolled back by the watch of sequence 2: 150 of 150 requests took more than 10 ms since the switch, "
            "0 of 500 before it, and at most 40 % may"
        )
    ]


def test_slow_windows_do_not_add_up_with_a_fast_one_between(scene: Scene) -> None:
    for look, requests in enumerate([(), (500,), (500, 500), (500, 500), (500, 500, 500)]):
        scene.times(*requests)
        assert scene.loop.run_once(10.0 * look) is not None


def test_counts_of_another_watch_are_not_its_own(scene: Scene) -> None:
    scene.count("r1", 100, 100, identity="id-1")
    assert scene.loop.run_once(1.0) is not None
    assert scene.reasons == []


def test_another_rollout_under_way_delays_the_rollback_and_a_switch_ends_the_watch(scene: Scene) -> None:
    scene.count("r1", 100, 100)
    scene.error = RolloutUnderWay("another one")
    assert scene.loop.run_once(1.0) is not None
    scene.error = CurrentMoved("another one")
    assert scene.loop.run_once(2.0) is None
    assert (len(scene.reasons), scene.asked) == (2, None)


def test_it_ends_with_the_process(scene: Scene) -> None:
    scene.count("r1", 100, 100)
    scene.stopping.set()
    assert scene.loop.run_once(1.0) is None
    assert scene.reasons == []

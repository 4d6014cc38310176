"""The steps of a worker in a rollout: in their order, with what fails, and what only the phases know."""

from changeover.protocol.wire import Current
from model_server.console.steps import steps
from model_server.console.verdict import Worker
from model_server.ledger.record import Rollout
from model_server.rollouts.phases import Phase, Phases

NEW = "b" * 64
ROLLOUT = Rollout(id="x", model="loan", sequence=2, version=NEW, rolled_at="2026-01-01T00:00:00.000000Z")
PREPARING = Phases.begun(0.0)


def worker(ready: bool = False, fetched: bool = False, why: str = "", held: Current | None = None) -> Worker:
    failed = {NEW: why} if why else {}
    versions = frozenset({NEW})
    return Worker(
        "r", "h", 1, held, 0.1, True, versions if ready else frozenset(), failed, versions if fetched else frozenset()
    )


def places(each: Worker, phases: Phases = PREPARING) -> list[str]:
    return [step["place"] for step in steps(each, ROLLOUT, phases)]


def test_the_first_step_that_is_not_done_is_now() -> None:
    assert places(worker()) == ["done", "now", *["to come"] * 4]
    assert places(worker(fetched=True)) == ["done", "done", "now", *["to come"] * 3]
    assert places(worker(ready=True)) == [*["done"] * 4, "now", "to come"], (
        "one of an earlier release reports this alone"
    )


def test_a_failure_is_at_its_step() -> None:
    assert places(worker(fetched=True, why="no memory")) == ["done", "done", "failed", *["to come"] * 3]
    golden = worker(fetched=True, why="golden row 0: prediction is 2, the manifest says 3")
    assert places(golden) == ["done", "done", "done", "failed", "to come", "to come"]


def test_the_fence_is_over_when_the_commit_begins_and_the_switch_is_what_the_worker_holds() -> None:
    fencing = PREPARING.entered(Phase.FENCE, 1.0)
    assert places(worker(ready=True), fencing) == [*["done"] * 4, "now", "to come"]
    committing = fencing.entered(Phase.COMMIT, 2.0)
    assert places(worker(ready=True), committing) == [*["done"] * 5, "now"]
    assert places(worker(ready=True, held=Current(2, NEW)), committing) == ["done"] * 6
    assert places(worker(ready=True, held=Current(1, NEW)), committing)[-1] == "now", (
        "an earlier rollout of the version"
    )

"""The steps of one worker in a rollout, as far as its status reports carry them."""

from typing import Final

from model_server.console.parts import Page
from model_server.console.verdict import Worker
from model_server.ledger.record import Rollout
from model_server.rollouts.phases import Phase, Phases

_GOLDEN: Final = "golden row"  # how the reason of a replay that differs begins


def steps(worker: Worker, rollout: Rollout, phases: Phases) -> list[Page]:
    """The steps in their order, each `done`, `now`, `failed` or `to come`.

    A worker reports that it has the bytes, and that the version is ready, which is after it was loaded and its golden rows were
    replayed. A worker of an earlier release reports the second alone. It is fenced when the last lease is over, its own, too.
    """
    version, began = rollout.version, [phase for phase, _ in phases.began]
    ready = version in worker.ready
    why = worker.failed.get(version)
    golden_failed = why is not None and why.startswith(_GOLDEN)
    done = {
        "reported": worker.awaited,
        "fetched": ready or version in worker.fetched,
        "prepared": ready or golden_failed,
        "golden rows": ready,
        "fenced": Phase.COMMIT in began,
        "switched": worker.held is not None and worker.held == rollout.current,
    }
    rows: list[Page] = []
    place = "now"  # of the first step that is not done
    for name, is_done in done.items():
        if is_done:
            rows.append({"name": name, "place": "done"})
            continue
        rows.append({"name": name, "place": "failed" if why is not None and place == "now" else place})
        place = "to come"
    return rows

"""Restarts under load: the predict_api instances one after the other during rolls, and model_server repeatedly."""

import threading
from pathlib import Path

import joblib
import pytest

from changeover.demo import train
from changeover.demo.bodies import body
from changeover.protocol.wire import RolloutState
from changeover.up.ready import is_ok
from changeover.up.restart import restart_service
from tests.conftest import wait_until
from tests.e2e.client_loop import ClientLoop
from tests.e2e.conftest import StartStack
from tests.processes.up import RunningStack

MODEL = "segmentation"
ROLLS = 4
RESTARTS = 5


@pytest.fixture(scope="module")
def versions_of(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions of the segmentation model as files."""
    folder = tmp_path_factory.mktemp("reels")
    for seed in (4, 5):
        joblib.dump(train.build(seed=seed, rows=600).estimator, folder / f"{seed}.joblib")
    return sorted(folder.glob("*.joblib"))


def published(stack: RunningStack, files: list[Path]) -> list[str]:
    """The versions in `files`, published, the first of them served by every instance."""
    versions = [stack.client().publish(file, MODEL).version for file in files]
    stack.client().roll(versions[0], model=MODEL)
    stack.wait_until_held(MODEL, versions[0])
    return versions


def test_predict_api_is_restarted_one_instance_after_the_other_while_rolls_are_under_way(
    start_stack: StartStack, versions_of: list[Path]
) -> None:
    stack = start_stack(replicas=2)
    versions = published(stack, versions_of)
    before = {pid for pids in stack.pids.predict_api for pid in pids}
    urls = [f"{url}/predict" for url in stack.described.predict_urls]
    ends: list[tuple[str, str]] = []
    restarted = threading.Event()

    def roll_on() -> None:
        while not restarted.is_set() or len(ends) < ROLLS:
            rolled = stack.client().roll(versions[(len(ends) + 1) % 2], model=MODEL)
            ends.append((rolled["state"], rolled["reason"]))

    rolling = threading.Thread(target=roll_on)
    with ClientLoop(urls[0], body("single"), others=urls[1:]) as clients:
        wait_until(clients.after(50), 60, "50 answers")
        rolling.start()
        try:
            wait_until(lambda: ends, 60, "the first roll")
            restart_service(stack.home, "predict_api", 120)
        finally:
            restarted.set()
            rolling.join(300)
        wait_until(clients.after(50), 60, "50 answers more")
    assert clients.failed == []
    assert {state for state, _ in ends} == {RolloutState.COMMITTED}, ends
    assert before.isdisjoint({pid for pids in stack.pids.predict_api for pid in pids})
    stack.wait_until_held(MODEL, versions[len(ends) % 2])
    assert set(clients.answered) == set(versions)


def test_restarts_of_model_server_under_load_fail_no_request(start_stack: StartStack, versions_of: list[Path]) -> None:
    stack = start_stack(replicas=2)
    versions = published(stack, versions_of)
    url = f"{stack.described.predict_urls[0]}/predict"
    with ClientLoop(url, body("single"), clients=2) as clients:
        for _ in range(RESTARTS):
            wait_until(clients.after(20), 60, "20 answers more")
            [(old, new)] = restart_service(stack.home, "model_server", 120)
            assert old != new
            assert is_ok(f"{stack.described.server_url}/readyz")
        # the restarted model_server waits only for replicas that have reported to it
        stack.wait_until_held(MODEL, versions[0])
        rolled = stack.client().roll(versions[1], model=MODEL)
        assert rolled["state"] == RolloutState.COMMITTED, rolled
        wait_until(clients.after(50), 60, "50 answers more")
    assert clients.failed == []
    assert set(clients.answered) == set(versions)
    first_of_second = clients.order.index(versions[1])
    assert versions[0] not in clients.order[first_of_second + 50 :]

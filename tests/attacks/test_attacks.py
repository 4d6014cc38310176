"""Artifacts that are made to attack leave no trace outside their own process, and good models answer throughout."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.artifacts import every
from tests.attacks.attack import Attack
from tests.attacks.hostile import ALLOWED, HOSTILE
from tests.attacks.scene import Scene

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the watch reads /proc")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(tmp_path_factory.mktemp("attacks"), {"ALLOWED_GLOBALS": ALLOWED})
    try:
        yield scene
    finally:
        scene.close()


@pytest.mark.parametrize("attack", [*every.ATTACKS, *HOSTILE], ids=lambda attack: attack.name)
def test_an_attack_reaches_nothing_outside_its_own_process(scene: Scene, attack: Attack) -> None:
    """Faults 70, 71, 72 and 74: artifacts that are made to attack."""
    outcome = scene.run(attack)
    report = f"{attack.tries}\nrefused: {outcome.refused}\nanswers: {outcome.statuses} {outcome.types}"

    assert not outcome.faults, f"{report}\n" + "\n".join(outcome.faults)

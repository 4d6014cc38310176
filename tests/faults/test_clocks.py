"""Jumps of the wall clock in our processes alone, by a small library in front of the C library's clock."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.callers import Callers
from tests.conftest import wait_until
from tests.faults.pair import MODEL, Pair, heavy
from tests.processes.model_server import ModelServer

HOUR, DAY = 3600, 86_400

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler (`cc`)"
)


class Clock:
    """The wall clock of the processes that are started with `settings`."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "shifted_clock.so", folder / "shift"
        source = Path(__file__).with_name("shifted_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(self._file)}
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Shift the clock by so many seconds from now on."""
        beside = self._file.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._file)

    def shown(self) -> str:
        """The date in a process that sees this clock."""
        command = [sys.executable, "-c", "import datetime; print(datetime.date.today())"]
        return subprocess.run(command, env=self.settings, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def test_the_clock_that_these_tests_shift_is_seen_by_processes(clock: Clock) -> None:
    before = clock.shown()
    clock.jump(2 * DAY)
    assert clock.shown() != before


def test_a_clock_an_hour_off_the_stores_is_named_and_fails_no_prediction(server: ModelServer, clock: Clock) -> None:
    """Fault 13: the store refuses signed calls, and the error names the difference; with a corrected clock, all is well."""
    server.start(**clock.settings)
    version = server.publish(heavy(1)).json()["version"]
    assert server.roll(version).json()["state"] == "committed"
    clock.jump(HOUR)
    problem = wait_until(lambda: server.get("/readyz").json()["problems"].get("store"), what="the word on the store")
    assert "RequestTimeTooSkewed" in str(problem)
    off = re.search(r"(-\d+) s", str(problem))
    assert off
    assert abs(int(off[1]) + HOUR) <= 60  # the call took a moment
    assert server.publish(heavy(2)).json()["type"] == "urn:changeover:clock-skewed"
    assert server.get(f"/models/{MODEL}/current").status_code == 200
    clock.jump(0)
    wait_until(lambda: server.get("/readyz").json()["status"] == "ready", what="recovery")


def test_leases_and_deadlines_do_not_notice_a_clock_that_jumps_by_a_day(pair: Pair, clock: Clock) -> None:
    """Fault 49: the clock of both services jumps forth and back under load; no request fails, no answer is stale."""
    pair.start(clock.settings, **clock.settings)
    with Callers(pair.api, 2) as callers:
        for days in (1, -1, 0, -2, 0):
            clock.jump(days * DAY)
            seen = len(callers.answers)
            callers.until(lambda callers, seen=seen: len(callers.answers) > seen + 60, "answers")  # type: ignore[misc]
    assert callers.failures == []
    assert {stale for _, stale, _ in callers.answers} == {False}
    pair.publish(2)
    assert pair.roll(2)
    assert pair.answers(2)

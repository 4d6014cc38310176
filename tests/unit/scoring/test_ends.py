"""The ends of scorer processes: three of one version within a minute make its model degraded."""

from pathlib import Path

import pytest

from predict_api.scoring.ends import Cause, End, RunnerEnds


@pytest.fixture
def ends(tmp_path: Path) -> RunnerEnds:
    return RunnerEnds(tmp_path / "ends.json")


def test_without_ends_no_model_is_degraded(ends: RunnerEnds) -> None:
    assert ends.degraded(0.0) == {}


def test_three_ends_of_one_version_within_a_minute_are_degraded_until_they_are_older(ends: RunnerEnds) -> None:
    for time in (1.0, 30.0):
        ends.record(End("loan", "a" * 64, Cause.TIMEOUT, time))
    ends.record(End("loan", "b" * 64, Cause.CRASH, 31.0))
    assert ends.degraded(31.0) == {}
    ends.record(End("loan", "a" * 64, Cause.MEMORY, 60.0))
    assert ends.degraded(60.5) == {"loan": "a" * 64}
    assert ends.degraded(61.5) == {}


def test_the_workers_of_an_instance_count_together(tmp_path: Path) -> None:
    workers = [RunnerEnds(tmp_path / "ends.json") for _ in range(3)]
    for worker in workers:
        worker.record(End("loan", "a" * 64, Cause.CRASH, 5.0))
    assert [worker.degraded(6.0) for worker in workers] == [{"loan": "a" * 64}] * 3


def test_the_file_stays_small(tmp_path: Path, ends: RunnerEnds) -> None:
    for count in range(200):
        ends.record(End("loan", "a" * 64, Cause.CRASH, count / 100))
    assert (tmp_path / "ends.json").stat().st_size < 2000
    assert ends.degraded(3.0) == {"loan": "a" * 64}

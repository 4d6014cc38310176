"""The scorer of a version: its processes end with the last reference to it."""

import contextlib
import gc
import threading
from pathlib import Path
from typing import cast

import pytest

from changeover.process.clock import now
from changeover.schema.schema import Schema
from model_runner.pool.client import Scorer
from predict_api.exceptions import Overloaded
from predict_api.scoring.ends import RunnerEnds, VersionEnds
from predict_api.scoring.runner_scorer import RunnerScorer, ScoreLimits
from predict_api.scoring.scorer_pool import MOST_LARGE, ScorerPool
from predict_api.scoring.times import Times
from tests.tiny_models import tiny


class Idle:
    """A scorer that runs until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def is_alive(self) -> bool:
        return not self.closed.is_set()

    def close(self) -> None:
        self.closed.set()


def test_the_processes_of_an_unloaded_version_end_without_a_collection(tmp_path: Path) -> None:
    """A collection would not help: the objects of a worker's first versions are frozen."""
    process = Idle()
    pool = ScorerPool(lambda _: cast("Scorer", process), 1.0, 1)
    schema = Schema.from_json(tiny(1)[1]["schema"])
    scorer = RunnerScorer(pool, schema, ScoreLimits(10.0, 4), VersionEnds(RunnerEnds(tmp_path / "e"), "m", "a" * 64))
    pool.start()
    gc.disable()
    try:
        del scorer
        assert process.closed.is_set()
    finally:
        gc.enable()


def test_idle_processes_end_after_half_a_minute_but_for_those_that_are_kept() -> None:
    processes = [Idle() for _ in range(2)]
    new = iter(processes)
    pool = ScorerPool(lambda _: cast("Scorer", next(new)), 1.0, 1)
    pool.start()
    pool.start()
    time = now()
    pool.end_idle(time + 29)
    assert [process.is_alive() for process in processes] == [True, True]
    pool.end_idle(time + 31)
    assert [process.is_alive() for process in processes].count(True) == 1
    pool.keep(0)
    pool.end_idle(time + 31)
    assert [process.is_alive() for process in processes] == [False, False]


def test_large_batches_leave_a_process_to_small_calls() -> None:
    pool = ScorerPool(lambda _: cast("Scorer", Idle()), 0.0, 1)
    immediately = Times(now(), now() + 10)
    with contextlib.ExitStack() as calls:
        for _ in range(MOST_LARGE):
            calls.enter_context(pool.scorer(immediately, large=True))
        with pytest.raises(Overloaded):
            calls.enter_context(pool.scorer(immediately, large=True))
        calls.enter_context(pool.scorer(immediately, large=False))

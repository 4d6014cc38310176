"""Torture of a whole stack: a minute with a fixed seed, and a minute with a new one.

All promises of `docs/histories.md` hold while faults 2-6, 14-18, 20, 22, 38-40, 42, 51, 53 and 60 of `docs/faults.md`
overlap. `make torture MINUTES=30` takes longer.
"""

import secrets
from pathlib import Path

from changeover.consistency import records
from tests.conftest import PATIENCE
from tests.processes.store import Kind, minio_program
from tests.torture.final import CONVERGE_S
from tests.torture.models import RUNTIMES
from tests.torture.rig import run

SECONDS = 60.0
SEED = 20


def no_request_fails_and_every_promise_holds(seed: int, seconds: float, store: Kind, folder: Path) -> None:
    report = run(seed, seconds, store, folder, PATIENCE * CONVERGE_S)  # other tests run at the same time
    print(report.table())  # noqa: T201 pytest shows the table with the seed if the test fails
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(records.write(report.history.records()))
    assert report.good, f"seed {seed}, see {folder}\n{report.table()}"
    assert report.tally.requests > 100
    assert report.tally.computed_by.keys() == RUNTIMES
    assert report.history.rollouts
    assert report.done


def test_a_minute_of_torture_fails_no_request_and_breaks_no_promise(tmp_path: Path) -> None:
    no_request_fails_and_every_promise_holds(SEED, SECONDS, "seaweed", tmp_path)


def test_a_minute_of_torture_that_is_new_each_time_fails_no_request_and_breaks_no_promise(tmp_path: Path) -> None:
    kinds: list[Kind] = ["seaweed"] if minio_program() is None else ["seaweed", "minio"]
    no_request_fails_and_every_promise_holds(secrets.randbelow(2**32), SECONDS, secrets.choice(kinds), tmp_path)

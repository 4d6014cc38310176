"""Removals and returns that end at any write, and those at the same time as rolls and publishes."""

import io
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from changeover import digest
from changeover.manifest.manifest import Draft
from model_runner.admission.examiner import Examiner, Limits
from model_server.exceptions import RolloutUnderWay, VersionRemoved
from object_store.exceptions import StoreUnavailable
from object_store.retention_keys import tombstone_key
from tests.integration.retention_run import MODEL, Crash, Examination, MortalBucket, Run, in_threads
from tests.processes.store import Store

MOST_WRITES = 12


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    examiner = Examiner(Limits(timeout_s=90.0, memory_bytes=4 * 1024**3, twins=True), frozenset())
    yield examiner
    examiner.close()


@pytest.fixture(scope="module")
def artifacts() -> list[bytes]:
    """Models with an ONNX twin."""
    return [_model(seed) for seed in range(3)]


def _model(seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    rows = draw.random((40, 2))
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression().fit(rows, (rows[:, 0] > 0.3 + seed / 10).astype(int)), buffer)
    return buffer.getvalue()


@pytest.fixture
def bucket(seaweed: Store, bucket_name: str) -> Iterator[MortalBucket]:
    """A fresh bucket of the embedded store whose writes can be made to end a run."""
    bucket = MortalBucket(seaweed.settings(bucket=bucket_name))
    bucket.ensure()
    yield bucket
    bucket.close()


@pytest.fixture
def begin(bucket: MortalBucket, examiner: Examiner, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(clock: Callable[[], float] | None = None) -> Run:
        bucket.writes, bucket.end_at, bucket.lost = 0, None, False
        runs.append(Run(bucket, examiner, tmp_path, clock))
        return runs[-1]

    yield begin
    for run in runs:
        run.stop()


def attempt(act: Callable[[], object]) -> bool:
    """Whether the act came to its end."""
    try:
        act()
    except (Crash, StoreUnavailable):
        return False
    return True


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "answer lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_removal_that_ends_at_any_write_leaves_a_whole_or_a_removed_version(
    bucket: MortalBucket, begin: Callable[..., Run], artifacts: list[bytes], *, after: bool, lost: bool
) -> None:
    """Fault 86: the process ends, or the answer of the store is lost."""
    run = begin()
    old, current = (run.publish(artifact).manifest.version for artifact in artifacts[:2])
    assert run.roll(current) == "committed"
    assert len(run.bytes_of(old)) == 2, "an artifact and a twin"
    for number in range(1, MOST_WRITES):
        run = begin()
        bucket.end_at, bucket.after, bucket.lost = number, after, lost
        done = attempt(run.collect)
        bucket.end_at = None
        whole = run.is_whole(old)
        assert run.is_whole(current)
        if lost and not done:
            run.collect()  # the same process goes on
            assert not run.is_whole(old)
            assert run.bytes_of(old) == set()
        again = begin()
        again.collect(by="bob")
        assert (again.is_whole(old), again.bytes_of(old)) == (False, set()), "the next run completes it"
        tombstone = begin().tombstone(old)
        assert tombstone.by == ("bob" if whole and not lost else "ann"), "its tombstone stays that of the first removal"
        with pytest.raises(VersionRemoved):
            again.roll(old)
        assert again.publish(artifacts[0]).returned
        assert again.is_whole(old)
        if done:
            assert not whole
            assert number == 4, "three writes: the tombstone and two objects"
            return
    pytest.fail("the removal never came to its end")


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "answer lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_return_that_ends_at_any_write_leaves_a_whole_or_a_removed_version(
    bucket: MortalBucket, begin: Callable[..., Run], artifacts: list[bytes], *, after: bool, lost: bool
) -> None:
    """Fault 86: the process ends, or the answer of the store is lost."""
    run = begin()
    old, current = (run.publish(artifact).manifest.version for artifact in artifacts[:2])
    assert run.roll(current) == "committed"
    for number in range(1, MOST_WRITES):
        run = begin()
        run.collect()
        assert not run.is_whole(old)
        bucket.writes, bucket.end_at, bucket.after, bucket.lost = 0, number, after, lost
        done = attempt(lambda: run.publish(artifacts[0]))  # noqa: B023 it is called here
        bucket.end_at = None
        whole = run.is_whole(old)
        assert whole or not done
        if not whole:
            if lost:
                run.collect()  # the same process, which does not know whether the return was written
                assert not run.is_whole(old)
            begin().collect()
            assert run.bytes_of(old) == set(), "what a return left is deleted"
            assert begin().publish(artifacts[0]).returned
        again = begin()
        assert again.is_whole(old)
        assert again.roll(old) == "committed"
        assert again.roll(artifacts_version(artifacts[2], again)) == "committed"
        assert again.roll(current) == "committed"
        if done:
            assert number == 4, "three writes: two objects and the return"
            return
    pytest.fail("the return never came to its end")


def artifacts_version(artifact: bytes, run: Run) -> str:
    """The version of these bytes, published if need be."""
    run.publish(artifact)
    return digest.sha256(artifact)


def test_a_return_takes_what_its_draft_adds(begin: Callable[..., Run], artifacts: list[bytes]) -> None:
    run = begin()
    old, current = (run.publish(artifact).manifest.version for artifact in artifacts[:2])
    run.roll(current)
    assert run.collect() == [old]
    back = run.publish(artifacts[0], Draft(metrics={"f1": 0.9}))
    assert (back.returned, back.updated, back.manifest.metrics) == (True, ("metrics",), {"f1": 0.9})
    assert begin().versions.manifest(MODEL, old).metrics == {"f1": 0.9}


def test_a_version_that_is_removed_while_its_roll_is_examined_is_not_rolled(
    begin: Callable[..., Run], artifacts: list[bytes]
) -> None:
    """Fault 87: removals, rolls and publishes of the same versions."""
    run = begin()
    old, current = (run.publish(artifact).manifest.version for artifact in artifacts[:2])
    assert run.roll(current) == "committed"
    Examination.meanwhile.append(run.collect)
    with pytest.raises(VersionRemoved):
        run.roll(old)
    assert not run.is_whole(old)


def test_a_version_whose_roll_begins_after_the_plan_is_kept(
    bucket: MortalBucket, begin: Callable[..., Run], artifacts: list[bytes]
) -> None:
    """Fault 87: removals, rolls and publishes of the same versions."""
    run = begin()
    versions = [run.publish(artifact).manifest.version for artifact in artifacts]
    assert run.roll(versions[2]) == "committed"
    bucket.meanwhile = lambda: run.roll(versions[1])
    assert run.collect() == [versions[0]]
    assert run.is_whole(versions[1])


def test_a_version_that_is_published_again_after_the_plan_is_kept(
    bucket: MortalBucket, begin: Callable[..., Run], artifacts: list[bytes]
) -> None:
    """Fault 87: removals, rolls and publishes of the same versions."""
    run = begin()
    versions = [run.publish(artifact).manifest.version for artifact in artifacts]
    assert run.roll(versions[2]) == "committed"
    bucket.meanwhile = lambda: run.publish(artifacts[1])
    assert run.collect() == [versions[0]]
    assert run.is_whole(versions[1])


def test_a_removal_waits_for_no_publish_of_the_same_version(begin: Callable[..., Run], artifacts: list[bytes]) -> None:
    run = begin()
    old, current = (run.publish(artifact).manifest.version for artifact in artifacts[:2])
    assert run.roll(current) == "committed"
    with run.versions.tombstones.locks.held((MODEL, old)):
        assert run.collect() == []
    assert run.collect() == [old]


def test_a_tombstone_of_the_current_version_takes_nothing_from_it(
    bucket: MortalBucket, begin: Callable[..., Run], artifacts: list[bytes]
) -> None:
    run = begin()
    current = run.publish(artifacts[0]).manifest.version
    assert run.roll(current) == "committed"
    bucket.create(tombstone_key(MODEL, current, 1), b"{}")  # by another process, against the rules
    again = begin()
    assert again.collect() == []
    assert len(again.bytes_of(current)) == 2


def test_removals_rolls_and_publishes_of_the_same_versions_at_the_same_time(
    begin: Callable[..., Run], artifacts: list[bytes]
) -> None:
    """Fault 87: removals, rolls and publishes of the same versions."""
    hours = itertools.count(0, 7200)
    run = begin(lambda: float(next(hours)))  # a publish keeps a version for less than a step of this clock
    versions = [run.publish(artifact).manifest.version for artifact in artifacts]
    assert run.roll(versions[0]) == "committed"
    over, committed, refused, removed = threading.Event(), [0], [0], [0]

    def rolls() -> None:
        try:
            for number in range(60):
                version = versions[number % 3]
                try:
                    if run.roll(version) == "committed":
                        committed[0] += 1
                        assert version in {each.rsplit("/", 2)[1] for each in run.bytes_of(version)}
                        assert len(run.bytes_of(version)) == 2, "a current version without its bytes"
                except VersionRemoved:
                    refused[0] += 1
                except RolloutUnderWay:
                    pass
        finally:
            over.set()

    def removes() -> None:
        while not over.is_set():
            removed[0] += len(run.collect())

    def publishes() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            run.publish(artifacts[number % 3])

    assert in_threads(rolls, removes, removes, publishes, publishes) == []
    assert committed[0]
    assert removed[0]
    for version in versions:
        run.is_whole(version)

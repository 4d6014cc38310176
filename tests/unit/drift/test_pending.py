"""The rows that wait in a worker, and its sums."""

import gc
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from msgspec.structs import replace

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from changeover.protocol.drift_counts import LARGEST_COUNTS
from changeover.request.decode import Decoded
from predict_api.drift.hour_sums import KEPT_SECONDS, HourSums, Key, calls
from predict_api.drift.pending import EVERY, MOST, PLENTY, AllPending, Pending

SCORES = Scores(["yes"], None, None)
KEY: Key = ("loan", "a" * 64, "r", "2026-01-31T12")


def rows(number: int) -> Decoded:
    return Decoded(single=False, rows=number, columns={})


def manifest(reference: Any = None) -> Manifest:
    return cast("Manifest", SimpleNamespace(reference=reference))


def test_rows_are_taken_once() -> None:
    pending = Pending(manifest())
    pending.add(rows(2), SCORES)
    assert pending.taken() == ([(rows(2), SCORES)], 0)
    assert pending.taken() == ([], 0)


def test_one_request_in_eight_is_kept_when_many_wait_and_none_beyond_that() -> None:
    pending = Pending(manifest())
    for _ in range(PLENTY * 12):
        pending.add(rows(1), SCORES)
    requests, skipped = pending.taken()
    assert len(requests) == MOST
    assert len(requests) + skipped == PLENTY * 12
    assert EVERY * PLENTY < PLENTY * 12


def test_after_a_count_every_request_is_kept_again() -> None:
    pending = Pending(manifest())
    pending.add(rows(MOST), SCORES)
    pending.add(rows(5), SCORES)
    assert pending.taken()[1] == 5
    pending.add(rows(5), SCORES)
    assert pending.taken() == ([(rows(5), SCORES)], 0)


def test_a_version_without_a_reference_has_no_place_for_rows() -> None:
    assert AllPending().of(manifest()) is None


def test_a_version_that_is_unloaded_is_forgotten() -> None:
    every = AllPending()
    pending = every.of(manifest({"n": 0, "columns": {}}))
    assert every.all() == [pending]
    del pending
    gc.collect()
    assert every.all() == []


def test_sums_are_sent_until_model_server_has_them_and_again_after_its_restart() -> None:
    sums = HourSums()
    sums.add(KEY, np.array([1, 2]), 9, 3, 0.0)
    sums.add(KEY, np.array([1, 0]), 1, 1, 1.0)
    (first,) = sums.to_send()
    assert (first.seen, first.rows, first.sums) == (10, 4, [2, 2])
    assert sums.to_send() == [first]
    sums.sent([first])
    assert sums.to_send() == []
    sums.send_again()
    assert sums.to_send() == [replace(first, again=True)]
    sums.send_again()
    assert sums.to_send() == [replace(first, again=True)]
    sums.sent([first])
    sums.add(KEY, np.array([1, 0]), 1, 1, 2.0)
    assert [each.again for each in sums.to_send()] == [False]
    sums.send_again()  # while rows come in
    assert [each.again for each in sums.to_send()] == [True]


def test_sums_are_forgotten_long_after_the_last_row() -> None:
    sums = HourSums()
    sums.add(KEY, np.array([1]), 1, 1, 0.0)
    sums.forget(KEPT_SECONDS - 1)
    assert len(sums.to_send()) == 1
    sums.forget(KEPT_SECONDS)
    assert sums.to_send() == []


def test_many_sums_take_several_calls() -> None:
    sums = HourSums()
    for number in range(30):
        sums.add((f"model-{number}", *KEY[1:]), np.full(20_000, 2**40), 1, 1, 0.0)
    groups = list(calls(sums.to_send()))
    assert sum(map(len, groups)) == 30
    assert len(groups) > 5
    assert all(len(group) * 20_000 * 12 < LARGEST_COUNTS for group in groups)

"""The hours of counts in a real bucket: each is written once, and old ones are deleted."""

import json
from array import array
from typing import Any, cast

from changeover.protocol.drift_counts import HourCounts
from model_server.drift.closing_loop import Closing
from model_server.drift.hour_objects import HourObjects
from model_server.drift.receipt import GRACE_S, Receipt
from model_server.drift.references import References
from model_server.drift.sums import Sums, Total
from model_server.drift.windows import HOUR, LONGEST, beginning_of
from model_server.rollouts.model_state import Models
from object_store import keys
from object_store.bucket import Bucket

VERSION, HOUR_NAME = "a" * 64, "2026-01-31T12"
OVER = beginning_of(HOUR_NAME) + HOUR + GRACE_S


def closing(sums: Sums, bucket: Bucket) -> Closing:
    models = Models()
    receipt = Receipt(models, cast("Any", None), References(), sums)
    receipt.started = 0.0
    return Closing(models, sums, HourObjects(bucket), receipt, cast("Any", None), cast("Any", None))


def counted(*replicas: str) -> Sums:
    sums = Sums()
    for number, replica in enumerate(replicas, 1):
        sums.add(replica, HourCounts("loan", VERSION, "r", HOUR_NAME, number, number, [number, 0]), OVER - 1)
    return sums


def test_an_hour_is_written_when_it_is_over_with_each_replica_once(bucket: Bucket) -> None:
    bucket.ensure()
    sums = counted("w1", "w2")
    loop = closing(sums, bucket)
    loop.close(OVER - 1)
    assert list(bucket.list(keys.DRIFT)) == []
    loop.close(OVER)
    key = keys.drift_key("loan", VERSION, HOUR_NAME)
    (counts,) = json.loads(bucket.read(key, 10_000))["counts"]
    assert counts == {"reference": "r", "seen": 3, "rows": 3, "sums": [3, 0], "replicas": {"w1": 1, "w2": 2}}
    assert sums.hours() == []
    assert HourObjects(bucket).read("loan", VERSION, HOUR_NAME, OVER) == {"r": Total(3, 3, array("q", [3, 0]))}


def test_an_hour_in_the_bucket_is_never_changed(bucket: Bucket) -> None:
    bucket.ensure()
    closing(counted("w1"), bucket).close(OVER)
    again = counted("w1", "w2")  # by a model_server that restarted in between
    closing(again, bucket).close(OVER)
    assert again.hours() == []
    assert HourObjects(bucket).read("loan", VERSION, HOUR_NAME, OVER)["r"].rows == 1


def test_an_hour_without_an_object_is_looked_for_again_while_it_may_come(bucket: Bucket) -> None:
    bucket.ensure()
    hours = HourObjects(bucket)
    assert hours.read("loan", VERSION, HOUR_NAME, OVER) == {}
    hours.write("loan", VERSION, HOUR_NAME, counted("w1").versions_in(HOUR_NAME)["loan", VERSION])
    assert hours.read("loan", VERSION, HOUR_NAME, OVER)["r"].rows == 1


def test_an_object_that_is_no_hour_counts_as_none(bucket: Bucket) -> None:
    bucket.ensure()
    bucket.create(keys.drift_key("loan", VERSION, HOUR_NAME), b"no JSON")
    assert HourObjects(bucket).read("loan", VERSION, HOUR_NAME, OVER) == {}


def test_hours_are_deleted_after_thirty_days_and_nothing_else(bucket: Bucket) -> None:
    bucket.ensure()
    hours = HourObjects(bucket)
    closing(counted("w1"), bucket).close(OVER)
    bucket.create("drift/notes.txt", b"of another program")
    assert hours.delete_old(beginning_of(HOUR_NAME) + LONGEST) == 0
    assert hours.delete_old(beginning_of(HOUR_NAME) + LONGEST + HOUR) == 1
    assert [item.key for item in bucket.list(keys.DRIFT)] == ["drift/notes.txt"]

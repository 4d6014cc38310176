"""The hours in the bucket: one object for each version and hour, created once and never changed."""

import json
import threading
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import msgspec

from changeover.process.log_events import event
from model_server.drift.sums import HourTotal, Total
from model_server.drift.windows import HOUR, LONGEST, hour_of
from model_server.exceptions import RecordUnreadable
from model_server.records import read_record
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

LARGEST: Final = 4 * 1024 * 1024  # bytes of an object
MOST_CACHED: Final = 3_000  # hours: 40 MB, if each has 100 columns
_SETTLED_S: Final = 3 * HOUR  # after which an object that is missing will not come


class _Counts(msgspec.Struct, frozen=True):
    """The counts of an hour by one reference; `replicas` has the rows of each replica."""

    reference: str
    seen: int
    rows: int
    sums: list[int]
    replicas: dict[str, int] = {}


class _Hour(msgspec.Struct, frozen=True):
    """The content of an object."""

    model: str
    version: str
    hour: str
    counts: list[_Counts]


Totals = Mapping[str, Total]  # by the digest of the reference


class HourObjects:
    """The hours in the bucket, with a cache. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self._cached: OrderedDict[str, Totals] = OrderedDict()

    def write(self, model: str, version: str, hour: str, totals: Mapping[str, HourTotal]) -> None:
        """Create the object of an hour, unless there is one; raises StoreError."""
        counts = [
            _Counts(
                reference,
                each.total.seen,
                each.total.rows,
                each.total.sums.tolist(),
                {replica: sent.rows for replica, sent in each.replicas.items()},
            )
            for reference, each in totals.items()
        ]
        body = json.dumps(msgspec.to_builtins(_Hour(model, version, hour, counts))).encode()
        self._bucket.create(keys.drift_key(model, version, hour), body, "application/json")

    def read(self, model: str, version: str, hour: str, now: float) -> Totals:
        """The totals of an hour, none without an object; raises StoreError."""
        key = keys.drift_key(model, version, hour)
        with self._lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        totals: Totals = {}
        try:
            stored = read_record(self._bucket, key, _Hour, largest=LARGEST)
            totals = {each.reference: Total(each.seen, each.rows, array("q", each.sums)) for each in stored.counts}
        except ObjectMissing:
            if hour >= hour_of(now - _SETTLED_S):
                return totals  # it may still be written
        except RecordUnreadable as error:
            event("drift.unreadable", level="warning", key=key, reason=str(error))
        with self._lock:
            self._cached[key] = totals
            while len(self._cached) > MOST_CACHED:
                self._cached.popitem(last=False)
        return totals

    def delete_old(self, now: float) -> int:
        """Delete the objects of hours that are not kept any more; returns their number. Raises StoreError."""
        oldest, number = hour_of(now - LONGEST), 0
        for item in self._bucket.list(keys.DRIFT):
            parsed = keys.parse_drift(item.key)
            if parsed is not None and parsed[2] < oldest:
                self._bucket.delete(item.key)
                number += 1
        return number

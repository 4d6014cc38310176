"""The simulated object store: create-if-absent is atomic, responses get lost, writes are late, a listing lags."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

from changeover.json_types import JsonObject
from changeover.protocol.wire import Current
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing, StoreUnavailable
from object_store.objects import Created, ObjectInfo
from tests.simulation.events import Do, Events

T = TypeVar("T")
MODELS = ("loan", "churn", "wine")
MODEL = MODELS[0]  # the only one in most stories
TIMEOUT = 0.3
MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)


class Store(Bucket):
    """The bucket of all models. A call waits in the thread of the process that makes it."""

    def __init__(self, events: Events, random: Random) -> None:
        self._events, self._random = events, random
        self.objects: dict[str, bytes] = {}
        self.away_until = 0.0
        self.stalls = False  # while away, reads are answered, writes wait in the store and are done later
        self.slow_until = 0.0  # until when writes are done after their timeout
        self.appends: Callable[[], None] = lambda: None  # called before an entry is written to the ledger
        self.landed: Do = lambda: None
        self.late = 0  # the number of pending writes for which no process waits any more
        self.hides_newest = False  # a listing that lags behind the ledger

    def put(self, key: str, body: JsonObject) -> None:
        """Write an object without delay."""
        self.objects[key] = json.dumps(body).encode()

    def ledger(self, model: str = MODEL) -> list[Current]:
        """The entries of the ledger of a model, in order."""
        numbers = [one[1] for one in map(keys.parse_rollout, sorted(self.objects)) if one and one[0] == model]
        entries = [json.loads(self.objects[keys.rollout_key(model, number)]) for number in numbers]
        return [Current(entry["sequence"], entry["version"]) for entry in entries]

    def ensure(self) -> None:
        """The bucket exists."""

    def stat(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, 1, _etag(self.read(key, 0)), MODIFIED)

    def read(self, key: str, limit: int) -> bytes:
        body = self._do(lambda: self.objects.get(key))
        if body is None:
            raise ObjectMissing(key)
        return body

    def create(
        self, key: str, body: bytes, content_type: str = "application/octet-stream", replaces: str = ""
    ) -> Created:
        if key.startswith(keys.ROLLOUTS):
            self.appends()

        def put() -> bytes:
            if replaces and _etag(self.objects.get(key, b"")) == replaces:
                self.objects[key] = body
            return body if replaces and self.objects.get(key) is body else self.objects.setdefault(key, body)

        return Created.YES if self._do(put, writes=True) is body else Created.NO

    def copy(self, source_key: str, target_key: str, expected: ObjectInfo | None = None) -> None:
        self._do(lambda: self.objects.__setitem__(target_key, self.objects[source_key]), writes=True)

    def write(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        self._do(lambda: self.objects.__setitem__(key, body), writes=True)

    def list(self, prefix: str, start_after: str | None = None) -> Iterator[ObjectInfo]:
        return iter([_info(key) for key in self._do(lambda: self._listed(prefix, start_after or ""))])

    def folders(self, prefix: str) -> Sequence[str]:
        listed = self._do(lambda: self._listed(prefix, ""))
        return sorted({f"{prefix}{key.removeprefix(prefix).split('/')[0]}/" for key in listed})

    def _listed(self, prefix: str, after: str) -> Sequence[str]:
        listed = sorted(key for key in self.objects if key.startswith(prefix))
        if self.hides_newest and prefix == keys.rollouts_prefix(MODEL) and len(listed) > 1:
            listed.pop()
        return [key for key in listed if key > after]

    def _do(self, act: Callable[[], T], *, writes: bool = False) -> T:
        """Do `act` in the store; raises StoreUnavailable if the process does not learn whether it was done."""
        process, random, now = self._events.process, self._random, self._events.now
        assert process is not None
        is_away, is_slow = now < self.away_until, now < self.slow_until
        if (is_away and not self.stalls) or (writes and (is_away or is_slow)):
            if is_slow:
                self._land(act, random.uniform(TIMEOUT, 2.5))
            elif self.stalls:
                self._land(act, self.away_until - now + random.uniform(0.0, 0.5))
            process.wait(TIMEOUT)
            raise StoreUnavailable("the store does not respond")
        results: list[T] = []
        seconds = random.uniform(0.0005, 0.02)
        self._events.at(now + seconds, lambda: results.append(act()))
        process.wait(seconds + random.uniform(0.0005, 0.004))
        return results[0]

    def _land(self, act: Callable[[], object], seconds: float) -> None:
        """The write is done long after its timeout."""
        self.late += 1

        def land() -> None:
            self.late -= 1
            act()
            self.landed()

        self._events.at(self._events.now + seconds, land)


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _info(key: str) -> ObjectInfo:
    return ObjectInfo(key, 1, "etag", MODIFIED)

"""The parts of model_server that publish, roll and remove, on a real bucket whose writes may end the run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft
from model_runner.admission.examiner import Examiner
from model_server.ledger.ledger import Ledger
from model_server.problems import Problems
from model_server.retention.holds import Holds
from model_server.retention.removal import Removal, RemovalRequest
from model_server.retention.uses import Uses
from model_server.rollouts.model_state import Models
from model_server.rollouts.promotion import Promotion, RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.versions.publish import Published, Publisher
from model_server.versions.spool import Spool
from model_server.versions.tombstones import Tombstone, Tombstones
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket, Created
from object_store.exceptions import StoreUnavailable
from object_store.retention_keys import parse_of_version

MODEL = "loan"
T = TypeVar("T")


class Crash(BaseException):
    """The end of a run: no code of ours catches it."""


class MortalBucket(Bucket):
    """A bucket of a run that ends before or after its write number `end_at`, or whose answer to it is lost."""

    writes = 0
    end_at: int | None = None
    after = False
    lost = False
    meanwhile: Callable[[], object] | None = None  # done once, before the next write

    def create(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> Created:
        return self._write(lambda: super(MortalBucket, self).create(key, body, content_type))

    def create_from_file(
        self, key: str, path: Path, size: int, content_type: str = "application/octet-stream"
    ) -> Created:
        return self._write(lambda: super(MortalBucket, self).create_from_file(key, path, size, content_type))

    def delete(self, key: str) -> None:
        self._write(lambda: super(MortalBucket, self).delete(key))

    def _write(self, write: Callable[[], T]) -> T:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        self.writes += 1
        ends = self.end_at == self.writes
        if ends and not self.after:
            raise StoreUnavailable("the request was lost") if self.lost else Crash
        result = write()
        if ends:
            raise StoreUnavailable("the answer was lost") if self.lost else Crash
        return result


class Examination(Promotion):
    """The checks before a roll; something else happens during the next one."""

    meanwhile: ClassVar[list[Callable[[], object]]] = []

    def examine(self, model: str, version: str, current: str | None, request: RollRequest) -> RollRequest:
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().examine(model, version, current, request)


class Run:
    """One run: what it knows begins empty, as after a start, and the ledger is read."""

    def __init__(
        self, bucket: Bucket, examiner: Examiner, folder: Path, clock: Callable[[], float] | None = None
    ) -> None:
        problems = Problems()
        self.bucket, self.models, self.ledger = bucket, Models(), Ledger(bucket, 0, problems)
        self.versions = Versions(bucket, problems)
        if clock is not None:
            self.versions.tombstones = Tombstones(bucket, clock)
        self.publisher = Publisher(self.versions, examiner, self.models.in_use)
        self.rollouts = Rollouts(
            self.models, self.ledger, self.versions, bucket, 60.0, {}, problems, Examination(self.versions)
        )
        self.holds = Holds(bucket, self.versions)
        self.removal = Removal(bucket, self.versions, self.ledger, Uses(bucket, self.holds, {}), problems)
        self._spool = Spool(str(folder), 1 << 30)
        newest = self.ledger.newest(MODEL)
        self.models.loaded({MODEL: newest} if newest else {}, {MODEL: 0})
        self.models.replica_heard_at = float("-inf")
        self.state = self.models.get(MODEL)
        self.state.fleet.known_from = 0.0
        self.versions.fill_index(MODEL)

    def publish(self, artifact: bytes, draft: Draft | None = None) -> Published:
        """Publish these bytes."""
        with self._spool.open() as file:
            spooled = file.write_all(iter([artifact]))
            return self.publisher.publish(MODEL, spooled, draft or Draft(), {"source": "http", "by": "ann"})

    def roll(self, version: str) -> str:
        """Roll, and return the state in which the rollout ended."""
        rollout = self.rollouts.begin(MODEL, version, RollRequest("ann", "a test", exempt=True))
        return str(self.rollouts.wait(MODEL, rollout, 30.0).state)

    def collect(self, keep: int = 0, by: str = "ann") -> list[str]:
        """Remove all but `keep` versions and those in use; returns the removed ones."""
        body: JsonObject = self.removal.run(self.state, RemovalRequest(keep, 0.0, by, reason="a test"))
        assert isinstance(body["removed"], list)
        return [str(each["version"]) for each in body["removed"] if isinstance(each, dict)]

    def is_whole(self, version: str) -> bool:
        """Whether the bucket, as a new process reads it, has the version with all its bytes; False: it is removed.

        Fails for anything between: a version that is there must have all its bytes.
        """
        fresh = Versions(self.bucket, Problems())
        manifest = fresh.manifest(MODEL, version)
        if fresh.tombstones.stands(MODEL, version):
            return False
        twin = (manifest.twin or {}).get("sha256")
        wanted = {keys.artifact_key(MODEL, version)}
        wanted |= {keys.twin_key(MODEL, version, twin)} if isinstance(twin, str) else set()
        assert wanted <= self.bytes_of(version), "a version without its bytes"
        return True

    def tombstone(self, version: str) -> Tombstone:
        """The tombstone of a removed version."""
        self.versions.newest_manifest(MODEL, version)
        tombstone = self.versions.tombstones.read(MODEL, version)
        assert tombstone is not None
        return tombstone

    def bytes_of(self, version: str) -> set[str]:
        """The keys of a version's bytes."""
        items = self.bucket.list(keys.version_prefix(MODEL, version))
        return {item.key for item in items if (parsed := parse_of_version(item.key)) and parsed.kind == "bytes"}

    def stop(self) -> None:
        """Stop the rollouts."""
        self.rollouts.stop()


def in_threads(*acts: Callable[[], None]) -> list[BaseException]:
    """Run these at the same time; returns what they raised."""
    raised: list[BaseException] = []

    def guarded(act: Callable[[], None]) -> None:
        try:
            act()
        except (Exception, Crash) as error:  # noqa: BLE001 the test looks at all of them
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return raised

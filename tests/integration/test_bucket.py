"""The bucket on real stores that work: the promises of its calls."""

import gzip
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import pytest
import requests
from minio import Minio

from object_store.bucket import CHUNK, CONNECTIONS, Bucket, Created, ObjectInfo
from object_store.exceptions import (
    AccessDenied,
    BucketMissing,
    ObjectChanged,
    ObjectMissing,
    ObjectTooLarge,
    StoreUnavailable,
)
from tests.processes.store import ACCESS_KEY, SECRET_KEY, Store

WRITERS = 16
RACES = 20
BIG = 3 * CHUNK + 12_345


def whole(bucket: Bucket, key: str, expected: ObjectInfo | None = None) -> bytes:
    with bucket.stream(key, expected) as chunks:
        return b"".join(chunks)


def client_of(store: Store) -> Minio:
    return Minio(f"127.0.0.1:{store.port}", ACCESS_KEY, SECRET_KEY, secure=False, region="us-east-1")


def test_of_many_writers_of_one_key_exactly_one_creates_it(bucket: Bucket) -> None:
    def race(number: int) -> tuple[list[Created], bytes]:
        key, barrier = f"rollouts/loan/{number:08d}.json", Barrier(WRITERS)

        def write(writer: int) -> Created:
            barrier.wait(120)
            try:
                return bucket.create(key, b"written by %d" % writer)
            except StoreUnavailable:  # no answer in time from a busy store: this writer cannot know either
                return Created.MAYBE_OURS

        with ThreadPoolExecutor(WRITERS) as writers:
            outcomes = list(writers.map(write, range(WRITERS)))
        return outcomes, bucket.read(key, 100)

    certain_races = 0
    with ThreadPoolExecutor(CONNECTIONS // WRITERS) as races:
        for outcomes, body in races.map(race, range(1, RACES + 1)):
            certain_races += outcomes.count(Created.YES) == 1 and outcomes.count(Created.NO) == WRITERS - 1
            winner = int(body.rpartition(b" ")[2])
            others = outcomes[:winner] + outcomes[winner + 1 :]
            # a writer whose answer was lost on a busy machine cannot know; no writer gets the opposite of the truth
            assert outcomes[winner] in {Created.YES, Created.MAYBE_OURS}
            assert set(others) <= {Created.NO, Created.MAYBE_OURS}
    assert certain_races >= RACES // 2  # in most races no answer is lost, and every writer knows


def test_what_is_there_is_never_replaced_by_create(bucket: Bucket) -> None:
    assert bucket.create("a", b"first") is Created.YES
    assert bucket.create("a", b"second") is Created.NO
    assert bucket.read("a", 10) == b"first"


def test_whether_it_was_created_has_no_truth_value(bucket: Bucket) -> None:
    with pytest.raises(TypeError, match="compare"):
        assert bucket.create("a", b"first")


def test_a_file_is_stored_and_streamed_in_chunks(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(os.urandom(BIG))
    assert bucket.create_from_file("m", file, BIG) is Created.YES
    assert bucket.create_from_file("m", file, BIG) is Created.NO
    stat = bucket.stat("m")
    assert stat.size == BIG
    with bucket.stream("m", stat) as stream:
        chunks = list(stream)
    assert max(map(len, chunks)) <= CHUNK
    assert hashlib.sha256(b"".join(chunks)).digest() == hashlib.sha256(file.read_bytes()).digest()


def test_a_file_that_changed_before_it_was_stored_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(b"longer than it was")
    with pytest.raises(ObjectChanged, match="18 bytes, not 5"):
        bucket.create_from_file("m", file, 5)
    with pytest.raises(ObjectMissing):
        bucket.stat("m")


def test_a_stream_may_be_left_half_read_without_holding_its_connection(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(os.urandom(BIG))
    bucket.create_from_file("m", file, BIG)
    for _ in range(40):  # more than there are connections
        with bucket.stream("m") as stream:
            next(stream)
    assert bucket.stat("m").size == BIG


def test_an_encoded_object_is_read_as_it_is_stored(bucket: Bucket, store: Store) -> None:
    """Fault 45: in the adapter."""
    stored = gzip.compress(b"a model" * 1000)
    url = client_of(store).get_presigned_url("PUT", bucket.name, "encoded")
    requests.put(url, stored, headers={"Content-Encoding": "gzip"}, timeout=10).raise_for_status()
    stat = bucket.stat("encoded")
    assert stat.content_encoding == "gzip"
    assert stat.size == len(stored)
    assert whole(bucket, "encoded", stat) == stored
    assert bucket.read("encoded", 100_000) == stored


def test_an_object_overwritten_since_it_was_looked_at_is_not_read(bucket: Bucket) -> None:
    """Fault 9: a clean refusal; the next look returns the new object."""
    bucket.write("m", b"old")
    stat = bucket.stat("m")
    bucket.write("m", b"new")
    with pytest.raises(ObjectChanged, match="overwritten"):
        whole(bucket, "m", stat)
    with pytest.raises(ObjectChanged):
        bucket.copy("m", "copied", stat)
    assert whole(bucket, "m", bucket.stat("m")) == b"new"


def test_where_the_bucket_keeps_versions_the_old_object_is_read_whole(bucket: Bucket, store: Store) -> None:
    """Fault 9: the old object, by its version."""
    from minio.versioningconfig import ENABLED, VersioningConfig

    client_of(store).set_bucket_versioning(bucket.name, VersioningConfig(ENABLED))
    bucket.write("m", b"old")
    stat = bucket.stat("m")
    bucket.write("m", b"new")
    assert stat.version_id
    assert whole(bucket, "m", stat) == b"old"
    assert bucket.create("m", b"third") is Created.NO


@pytest.mark.parametrize("name", ["my model (1).joblib", "ünï/✓.joblib", "a+b&c=d?e#f%20g.joblib", "~!@$^*'.joblib"])
def test_awkward_names_are_kept(bucket: Bucket, name: str) -> None:
    assert bucket.create(f"incoming/loan/{name}", b"x") is Created.YES
    bucket.copy(f"incoming/loan/{name}", f"rejected/loan/{name}")
    assert [listed.key for listed in bucket.list("rejected/")] == [f"rejected/loan/{name}"]
    assert bucket.read(f"rejected/loan/{name}", 10) == b"x"
    bucket.delete(f"rejected/loan/{name}")
    assert list(bucket.list("rejected/")) == []


def test_a_list_is_in_order_over_pages_and_starts_after_a_key(bucket: Bucket) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: bucket.create(f"n/{number:04d}", b""), range(1003)))
    names = [listed.key for listed in bucket.list("n/")]
    assert len(names) == 1003
    assert all(name < following for name, following in pairwise(names))
    assert [listed.key for listed in bucket.list("n/", "n/1000")] == ["n/1001", "n/1002"]


def test_a_list_has_the_same_fields_as_stat(bucket: Bucket) -> None:
    bucket.create("a/b", b"body")
    (listed,) = bucket.list("a/")
    stat = bucket.stat("a/b")
    assert (listed.key, listed.size, listed.etag) == (stat.key, stat.size, stat.etag)
    assert abs((listed.last_modified - stat.last_modified).total_seconds()) < 1
    assert stat.last_modified.tzinfo is not None


def test_folders_are_those_right_below_a_prefix(bucket: Bucket) -> None:
    for key in ("versions/a/1/x", "versions/b/1/x", "versions/b/2/x", "other/c/x"):
        bucket.create(key, b"")
    assert bucket.folders("versions/") == ["versions/a/", "versions/b/"]


def test_a_small_object_larger_than_allowed_is_not_read(bucket: Bucket) -> None:
    bucket.create("a", b"12345")
    assert bucket.read("a", 5) == b"12345"
    with pytest.raises(ObjectTooLarge, match=f"{bucket.name}/a"):
        bucket.read("a", 4)


def test_a_missing_object_is_named(bucket: Bucket) -> None:
    for act in (bucket.stat, lambda key: bucket.read(key, 1), lambda key: bucket.copy(key, "x")):
        with pytest.raises(ObjectMissing, match=f"{bucket.name}/no/such"):
            act("no/such")
    bucket.delete("no/such")


def test_a_missing_bucket_is_named_by_every_call_and_not_taken_for_an_empty_one(store: Store, tmp_path: Path) -> None:
    """Fault 10: the error names the bucket and the setting."""
    bucket = Bucket(store.settings(bucket="not-there", create_bucket=False))
    (tmp_path / "file").write_bytes(b"x")
    for act in (
        bucket.ensure,
        lambda: bucket.stat("a"),
        lambda: bucket.read("a", 1),
        lambda: list(bucket.list("")),
        lambda: bucket.create("a", b""),
        lambda: bucket.create_from_file("a", tmp_path / "file", 1),
        lambda: bucket.write("a", b""),
    ):
        with pytest.raises(BucketMissing, match=r"'not-there'.*CREATE_BUCKET"):
            act()


def test_a_bucket_is_created_once_where_that_is_allowed(store: Store) -> None:
    """Fault 10: with CREATE_BUCKET."""
    for _ in range(2):
        Bucket(store.settings(bucket="to-be-made")).ensure()


def test_wrong_keys_are_refused_without_showing_them(store: Store, bucket: Bucket) -> None:
    other = Bucket(store.settings(bucket=bucket.name, aws_secret_access_key="wrong-but-secret"))
    for act in (
        other.ensure,
        lambda: other.stat("a"),
        lambda: other.create("a", b""),
        lambda: list(other.list("")),
        lambda: other.write("a", b""),
    ):
        with pytest.raises(AccessDenied, match="AWS_SECRET_ACCESS_KEY") as caught:
            act()
        assert "wrong-but-secret" not in str(caught.value)


def test_keys_that_are_rotated_in_their_files_are_taken_up(
    store: Store, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 11: without a restart."""
    access, secret = tmp_path / "access", tmp_path / "secret"
    access.write_text(ACCESS_KEY + "\n")
    secret.write_text("before the rotation\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID_FILE", str(access))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(secret))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    other = Bucket(store.settings(bucket=bucket.name, aws_secret_access_key="before the rotation"))
    with pytest.raises(AccessDenied):
        other.ensure()
    secret.write_text(SECRET_KEY + "\n")
    other.ensure()
    secret.write_text("")  # half-way through the next rotation
    other.ensure()

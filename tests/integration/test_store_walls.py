"""The bucket as the containers make it: what the keys of model_server and of a publisher can and cannot change.

`deploy/store/init.sh` runs on a real MinIO by a real `mc`, as it does in the store's image.
"""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig

from object_store import keys
from object_store.bucket import Bucket, Created
from object_store.exceptions import AccessDenied, StoreError
from tests.processes.store import ACCESS_KEY, SECRET_KEY, Store
from tests.tree import ROOT

BUCKET = "walls"
MC = shutil.which("mc") or str(Path.home() / "go/bin/mc")
FOLDER = ROOT / "deploy" / "store"
SECRETS = {
    "root_access_key": ACCESS_KEY,
    "root_secret_key": SECRET_KEY,
    "model_server_access_key": "model-server-key",
    "model_server_secret_key": "model-server-secret-0123456789",
    "publisher_access_key": "publisher-key",
    "publisher_secret_key": "publisher-secret-0123456789",
}
LEDGER = "rollouts/loan/00000001.json"
MANIFEST = "versions/loan/" + "a" * 64 + "/manifest.json"
ARTIFACT = "versions/loan/" + "a" * 64 + "/model.joblib"


@dataclass
class Walls:
    """A store with its bucket, and clients with the keys of each user."""

    store: Store
    said: str

    def client(self, user: str) -> Minio:
        address = self.store.url.removeprefix("http://")
        pair = SECRETS[f"{user}_access_key"], SECRETS[f"{user}_secret_key"]
        return Minio(address, *pair, secure=False, region="us-east-1")

    def bucket(self) -> Bucket:
        """The bucket with the keys of model_server."""
        pair = {f"aws_{kind}": SECRETS[f"model_server_{name}"] for kind, name in KEYS.items()}
        return Bucket(self.store.settings(bucket=BUCKET, create_bucket=False, **pair))

    def versions(self, key: str) -> list[str]:
        """The versions of an object, newest first."""
        found = self.client("root").list_objects(BUCKET, key, include_version=True)
        return [str(each.version_id) for each in found if each.object_name == key and not each.is_delete_marker]


KEYS = {"access_key_id": "access_key", "secret_access_key": "secret_key"}


def initialise(store: Store, folder: Path, bucket: str = BUCKET) -> str:
    """Run init.sh; returns what it says."""
    secrets, scratch = folder / "secrets", folder / "scratch"
    for each in (secrets, scratch):
        each.mkdir(exist_ok=True)
    for name, value in SECRETS.items():
        (secrets / name).write_text(value)
    environment = {
        "PATH": os.pathsep.join([str(Path(MC).parent), os.environ["PATH"]]),
        "HOME": str(folder),
        "MC_CONFIG_DIR": str(folder / "mc"),
        "STORE_URL": store.url,
        "BUCKET": bucket,
        "SECRETS": str(secrets),
        "INIT": str(FOLDER),
        "SCRATCH": str(scratch),
    }
    ended = subprocess.run(
        ["bash", str(FOLDER / "init.sh")], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def walls(minio: Store, tmp_path_factory: pytest.TempPathFactory) -> Walls:
    if not Path(MC).is_file():
        pytest.skip("there is no `mc` program on the PATH or in ~/go/bin")
    folder = tmp_path_factory.mktemp("walls")
    first = initialise(minio, folder)
    assert initialise(minio, folder) == first
    return Walls(minio, first)


@pytest.fixture(autouse=True)
def _filled(walls: Walls) -> Iterator[None]:
    bucket = walls.bucket()
    for key in (LEDGER, MANIFEST, ARTIFACT):
        assert bucket.create(key, b"first") in (Created.YES, Created.NO)
    yield
    bucket.close()


def test_the_bucket_keeps_versions_under_a_lock(walls: Walls) -> None:
    root = walls.client("root")
    assert "lock=30d" in walls.said
    assert root.get_bucket_versioning(BUCKET).status == "Enabled"
    default = root.get_object_lock_config(BUCKET)
    assert (default.mode, default.duration, default.duration_unit) == (GOVERNANCE, 30, "Days")


def test_model_server_does_with_the_bucket_what_it_has_to(walls: Walls) -> None:
    bucket = walls.bucket()
    bucket.write(keys.current_key("loan"), b"{}")
    bucket.write(keys.current_key("loan"), b'{"sequence": 2}')
    assert bucket.read(keys.current_key("loan"), 100) == b'{"sequence": 2}'
    assert bucket.create("incoming/loan/a.joblib", b"x") in (Created.YES, Created.NO)
    bucket.copy("incoming/loan/a.joblib", "rejected/loan/a.joblib")
    bucket.delete("incoming/loan/a.joblib")
    assert "incoming/loan/a.joblib" not in {each.key for each in bucket.list("incoming/")}
    assert bucket.create(LEDGER, b"another") is Created.NO
    assert bucket.read(LEDGER, 100) == b"first"


@pytest.mark.parametrize("key", [LEDGER, MANIFEST])
def test_ledger_and_manifests_cannot_be_deleted(walls: Walls, key: str) -> None:
    with pytest.raises((AccessDenied, StoreError)):
        walls.bucket().delete(key)
    assert walls.bucket().read(key, 100) == b"first"


@pytest.mark.parametrize("key", [LEDGER, MANIFEST, ARTIFACT])
def test_what_was_overwritten_stays(walls: Walls, key: str) -> None:
    """MinIO has no policy by which an overwrite is refused (AWS has one): so what was there has to stay."""
    thief = walls.client("model_server")
    first = walls.versions(key)[-1]
    thief.put_object(BUCKET, key, io.BytesIO(b"forged"), 6)
    assert walls.versions(key)[-1] == first
    assert walls.client("root").get_object(BUCKET, key, version_id=first).data == b"first"
    newest = walls.versions(key)[0]
    for version in (first, newest):
        with pytest.raises(S3Error, match=r"AccessDenied|Access Denied"):
            thief.remove_object(BUCKET, key, version_id=version)
    walls.client("root")._execute(
        "DELETE", BUCKET, key, query_params={"versionId": newest}, headers={"x-amz-bypass-governance-retention": "true"}
    )
    assert walls.bucket().read(key, 100) == b"first"


def test_no_key_of_a_service_lifts_the_lock(walls: Walls) -> None:
    thief = walls.client("model_server")
    soon = Retention(GOVERNANCE, datetime.now(UTC) + timedelta(days=1))
    attempts: list[Callable[[], object]] = [
        lambda: thief.set_object_retention(BUCKET, LEDGER, soon),
        lambda: thief.set_bucket_versioning(BUCKET, VersioningConfig("Suspended")),
        lambda: thief.delete_bucket_lifecycle(BUCKET),
        lambda: thief.delete_object_lock_config(BUCKET),
        lambda: thief.set_bucket_policy(BUCKET, json.dumps({"Version": "2012-10-17", "Statement": []})),
    ]
    for attempt in attempts:
        with pytest.raises(S3Error, match=r"AccessDenied|Access Denied"):
            attempt()


def test_a_publisher_puts_into_incoming_and_touches_nothing_else(walls: Walls) -> None:
    publisher = walls.client("publisher")
    publisher.put_object(BUCKET, "incoming/loan/b.joblib", io.BytesIO(b"x"), 1)
    for key in (LEDGER, MANIFEST, ARTIFACT, keys.current_key("loan")):
        with pytest.raises(S3Error, match=r"AccessDenied|Access Denied"):
            publisher.put_object(BUCKET, key, io.BytesIO(b"x"), 1)


def test_a_bucket_of_an_earlier_release_gets_versions_and_no_lock(walls: Walls, tmp_path: Path, minio: Store) -> None:
    walls.client("root").make_bucket("older")
    assert "lock=none" in initialise(minio, tmp_path, "older")
    assert walls.client("root").get_bucket_versioning("older").status == "Enabled"
    initialise(minio, tmp_path)  # the users' policies name one bucket again


def test_former_versions_end_under_each_prefix_but_that_of_the_ledger() -> None:
    text = (FOLDER / "lifecycle.json").read_text(encoding="utf-8").replace("@DAYS@", "30")
    prefixes = {rule["Filter"]["Prefix"] for rule in json.loads(text)["Rules"]}
    known = {keys.INCOMING, keys.VERSIONS, keys.ROLLOUTS, keys.CURRENT, keys.UPLOADS, keys.ABORTED, keys.DRIFT}
    assert prefixes == (known | {keys.REJECTED, keys.EVENTS, "bulk/"}) - {keys.ROLLOUTS}

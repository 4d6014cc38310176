"""Fixtures on real stores: `store` is SeaweedFS, then MinIO; `bucket` is a fresh bucket of it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from object_store.bucket import Bucket
from tests.processes.model_server import ModelServer
from tests.processes.predict_api import Instances
from tests.processes.store import Store, minio_program
from tests.tiny_models import tiny
from tests.wire_stub import WireStub, running_stub

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The embedded store, running for the whole session; do not stop it."""
    with Store("seaweed", tmp_path_factory.mktemp("seaweed")) as store:
        yield store


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """MinIO, running for the whole session; do not stop it."""
    if minio_program() is None:
        pytest.skip("there is no `minio` program on the PATH or in ~/go/bin")
    with Store("minio", tmp_path_factory.mktemp("minio")) as store:
        yield store


@pytest.fixture(params=["seaweed", "minio"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the running stores."""
    running: Store = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def bucket_name() -> str:
    """The name of a bucket that no other test uses."""
    return f"models-{next(_NUMBERS)}"


@pytest.fixture
def bucket(store: Store, bucket_name: str) -> Iterator[Bucket]:
    """A fresh bucket on each of the running stores."""
    fresh = store.bucket(bucket=bucket_name)
    yield fresh
    fresh.close()


@pytest.fixture
def stub() -> Iterator[WireStub]:
    """A false model_server with a first version of the default model rolled."""
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        yield stub


@pytest.fixture
def instances(tmp_path: Path, stub: WireStub) -> Iterator[Instances]:
    """Start predict_api against `stub` any number of times; each is ended after the test."""
    instances = Instances(tmp_path, stub.url)
    try:
        yield instances
    finally:
        instances.end()


@pytest.fixture
def seaweed_bucket(seaweed: Store, bucket_name: str) -> Iterator[Bucket]:
    """A fresh bucket of the embedded store, for tests that write into it beside model_server."""
    fresh = seaweed.bucket(bucket=bucket_name)
    yield fresh
    fresh.close()


@pytest.fixture
def server(seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path) -> Iterator[ModelServer]:
    """A model_server on `seaweed_bucket`."""
    with ModelServer(seaweed, seaweed_bucket.name, tmp_path) as process:
        yield process

"""The parts that the faults meet: real stores, a real model_server, a real predict_api, and a proxy between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.pair import MODEL, Pair
from tests.integration.conftest import bucket_name, instances, minio, seaweed, stub
from tests.integration.server_process import ServerProcess
from tests.integration.stores import Store

__all__ = ["bucket_name", "instances", "minio", "seaweed", "stub"]


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A model_server of this test's own, not started yet."""
    made = ServerProcess(seaweed, f"faults-{bucket_name}", tmp_path / "server", {"DEFAULT_MODEL": MODEL})
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.end()


@pytest.fixture
def pair(server: ServerProcess, tmp_path: Path) -> Iterator[Pair]:
    """model_server and predict_api with a proxy between them; the first model is rolled and answers."""
    pair = Pair(server, tmp_path)
    try:
        yield pair
    finally:
        pair.end()

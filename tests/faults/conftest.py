"""Fixtures of the fault tests: real stores, a real model_server and predict_api, and a proxy between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.pair import MODEL, Pair
from tests.integration.conftest import bucket_name, instances, minio, seaweed, stub
from tests.processes.model_server import ModelServer
from tests.processes.store import Store

__all__ = ["bucket_name", "instances", "minio", "seaweed", "stub"]


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ModelServer]:
    """A model_server for one test, not started yet."""
    server = ModelServer(seaweed, f"faults-{bucket_name}", tmp_path / "server", {"DEFAULT_MODEL": MODEL})
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def pair(server: ModelServer, tmp_path: Path) -> Iterator[Pair]:
    """model_server and predict_api with a proxy between them; predict_api answers by the first model."""
    pair = Pair(server, tmp_path)
    try:
        yield pair
    finally:
        pair.end()

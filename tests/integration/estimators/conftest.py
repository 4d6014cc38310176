"""Fixtures of the stack that all tests of this folder share; it ends with the last of them."""

from collections.abc import Iterator

import pytest

from tests.integration.estimators.stack import EstimatorStack, running_stack
from tests.processes.store import Store


@pytest.fixture(scope="package")
def shared_stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EstimatorStack]:
    """One stack for all files of this folder."""
    with running_stack(seaweed, "estimators", tmp_path_factory.mktemp("estimators")) as stack:
        yield stack


@pytest.fixture(scope="module")
def stack(shared_stack: EstimatorStack) -> Iterator[EstimatorStack]:
    """The shared stack; after a file, the names of its models are free for the next file."""
    with shared_stack.names_returned():
        yield shared_stack


@pytest.fixture(autouse=True)
def names_returned(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test, the names of its models are free for the next test."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: EstimatorStack = request.getfixturevalue("shared_stack")
    with stack.names_returned():
        yield

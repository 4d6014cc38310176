"""A stack for each file of this folder."""

from collections.abc import Iterator

import pytest

from tests.own_answer.stack import AnswerStack, running_stack
from tests.processes.store import Store


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerStack]:
    """A store, a model_server and two predict_api."""
    folder = tmp_path_factory.mktemp("own_answer")
    with Store("seaweed", folder / "store") as store, running_stack(store, "own-answer", folder) as running:
        yield running

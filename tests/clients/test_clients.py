"""The official clients of other servers get right answers from a running stack, and `docs/clients.md` says so."""

from collections.abc import Iterator

import pytest

from tests.clients.asked import ask, started
from tests.clients.environments import CLIENTS, NoPackageIndex, make
from tests.clients.page import Outcomes, page, written


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    folder = tmp_path_factory.mktemp("clients")
    try:
        pythons = make(folder / "environments")
    except NoPackageIndex as error:
        pytest.skip(f"the clients cannot be installed here: {error}")
    stack = started(folder / "stack")
    try:
        yield ask(stack, pythons)
    finally:
        stack.stop()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_works_unchanged(outcomes: Outcomes, client: str) -> None:
    assert [(call, outcome) for call, outcome in outcomes[client] if outcome != "ok"] == []


def test_the_page_is_what_came(outcomes: Outcomes) -> None:
    assert page(outcomes) == written()

"""Who may change, who may report, and from where nobody may change anything."""

import pytest

from model_server.auth import Gate, Right
from model_server.exceptions import Forbidden, Unauthenticated

GATE = Gate("publish-token-0123456789", "report-token-0123456789", "172.30.1.0/24, fd00::/64")
PUBLISH, REPORT = "Bearer publish-token-0123456789", "bearer report-token-0123456789"


def test_the_publish_token_may_do_everything() -> None:
    GATE.check(Right.CHANGE, PUBLISH, "127.0.0.1")
    GATE.check(Right.REPORT, PUBLISH, "127.0.0.1")


def test_a_replicas_token_may_report_and_nothing_else() -> None:
    GATE.check(Right.REPORT, REPORT, "172.30.1.7")
    with pytest.raises(Forbidden, match="only report"):
        GATE.check(Right.CHANGE, REPORT, "127.0.0.1")


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "Basic publish-token-0123456789", "Bearer nonsense"])
@pytest.mark.parametrize("right", Right)
def test_no_token_or_an_unknown_one_is_refused(right: Right, given: str | None) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        GATE.check(right, given, "127.0.0.1")
    assert "0123456789" not in str(refusal.value)


@pytest.mark.parametrize("address", ["172.30.1.7", "fd00::7"])
def test_no_change_comes_from_the_network_of_replicas_even_with_the_token(address: str) -> None:
    with pytest.raises(Forbidden, match="elsewhere"):
        GATE.check(Right.CHANGE, PUBLISH, address)


@pytest.mark.parametrize("address", [None, "", "unix", "172.30.2.7"])
def test_other_addresses_are_judged_by_their_token(address: str | None) -> None:
    GATE.check(Right.CHANGE, PUBLISH, address)

"""Access to model_server: calls that change something, reports, and networks without the right to change."""

import pytest

from model_server.auth import Gate, Right
from model_server.exceptions import Forbidden, Unauthenticated

GATE = Gate("publish-token-0123456789", "report-token-0123456789", "172.30.1.0/24, fd00::/64")
PUBLISH, REPORT = "Bearer publish-token-0123456789", "bearer report-token-0123456789"


def test_the_publish_token_may_do_everything() -> None:
    for right in Right:
        GATE.check(right, PUBLISH, "127.0.0.1")


def test_a_replicas_token_may_report_and_read_what_a_replica_prepares() -> None:
    for right in (Right.REPORT, Right.PREPARE):
        GATE.check(right, REPORT, "172.30.1.7")
        assert GATE.permits(right, REPORT, "172.30.1.7")
    for right in (Right.CHANGE, Right.READ):
        with pytest.raises(Forbidden, match="only report"):
            GATE.check(right, REPORT, "127.0.0.1")
        assert not GATE.permits(right, REPORT, "127.0.0.1")


def test_reads_without_a_token_may_be_allowed_and_nothing_else() -> None:
    gate = Gate("publish-token-0123456789", "report-token-0123456789", anonymous_reads=True)
    assert [right for right in Right if gate.permits(right, None, "127.0.0.1")] == [Right.READ, Right.PREPARE]
    assert not any(gate.permits(right, "Bearer another-token", "127.0.0.1") for right in Right)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic publish-token-0123456789", "Bearer nonsense"])
@pytest.mark.parametrize("right", Right)
def test_no_token_or_an_unknown_one_is_refused(right: Right, header: str | None) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        GATE.check(right, header, "127.0.0.1")
    assert "0123456789" not in str(refusal.value)


@pytest.mark.parametrize("address", ["172.30.1.7", "fd00::7"])
def test_no_change_comes_from_the_network_of_replicas_even_with_the_token(address: str) -> None:
    with pytest.raises(Forbidden, match="elsewhere"):
        GATE.check(Right.CHANGE, PUBLISH, address)


@pytest.mark.parametrize("address", [None, "", "unix", "172.30.2.7"])
def test_other_addresses_are_judged_by_their_token(address: str | None) -> None:
    GATE.check(Right.CHANGE, PUBLISH, address)

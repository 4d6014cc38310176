"""The decision about a call: tokens, roles, reports, and networks without the right to change."""

import pytest

from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from model_server.access.caller import ANONYMOUS, REPLICA, Caller, Via
from model_server.access.gate import Gate
from model_server.access.tokens import SHARED_NAME, Tokens
from model_server.exceptions import Forbidden, Unauthenticated

TOKENS = Tokens(None, NamedToken.of(SHARED_NAME, Role.ADMIN, "publish-token-0123456789"))
GATE = Gate(TOKENS, "report-token-0123456789", "172.30.1.0/24, fd00::/64")
PUBLISH, REPORT = "Bearer publish-token-0123456789", "bearer report-token-0123456789"
HERE = "127.0.0.1"


def test_the_publish_token_may_do_everything() -> None:
    caller = GATE.caller(PUBLISH)
    assert caller == Caller(SHARED_NAME, Role.ADMIN, Via.TOKEN)
    for role in Role:
        GATE.check(caller, role, HERE)
    GATE.check_report(caller)


def test_a_replicas_token_may_report_and_read_what_a_replica_prepares() -> None:
    caller = GATE.caller(REPORT)
    assert caller == REPLICA
    GATE.check_report(caller)
    GATE.check(caller, Role.READ, "172.30.1.7", replicas=True)
    for role in Role:
        with pytest.raises(Forbidden, match=f"only report.*{role.word}"):
            GATE.check(caller, role, HERE)


def test_reads_without_a_token_may_be_allowed_and_nothing_else() -> None:
    gate = Gate(TOKENS, "report-token-0123456789", anonymous_reads=True)
    caller = gate.caller(None)
    assert caller == ANONYMOUS
    gate.check(caller, Role.READ, HERE)
    for role in (Role.PUBLISH, Role.ROLL, Role.ADMIN):
        with pytest.raises(Unauthenticated):
            gate.check(caller, role, HERE)
    with pytest.raises(Unauthenticated):
        gate.check_report(caller)
    with pytest.raises(Unauthenticated):
        gate.caller("Bearer another-token")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic publish-token-0123456789", "Bearer nonsense"])
def test_no_token_or_an_unknown_one_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        GATE.caller(header)
    assert "0123456789" not in str(refusal.value)


@pytest.mark.parametrize("address", ["172.30.1.7", "fd00::7"])
@pytest.mark.parametrize("role", [Role.PUBLISH, Role.ROLL, Role.ADMIN])
def test_no_change_comes_from_the_network_of_replicas_even_with_the_token(role: Role, address: str) -> None:
    caller = GATE.caller(PUBLISH)
    GATE.check(caller, Role.READ, address)
    with pytest.raises(Forbidden, match="elsewhere"):
        GATE.check(caller, role, address)


@pytest.mark.parametrize("address", [None, "", "unix", "172.30.2.7"])
def test_other_addresses_are_judged_by_their_token(address: str | None) -> None:
    GATE.check(GATE.caller(PUBLISH), Role.ROLL, address)


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_those_before_it_may_and_no_more(role: Role) -> None:
    caller = Caller("ann", role)
    for needed in Role:
        if needed <= role:
            GATE.check(caller, needed, HERE)
            continue
        with pytest.raises(Forbidden) as refusal:
            GATE.check(caller, needed, HERE)
        assert refusal.value.body == {"needed": needed.word}
        assert f"'ann' has the role {role.word!r}, this call needs {needed.word!r}" in str(refusal.value)


def test_a_caller_that_is_limited_to_models_may_use_no_other() -> None:
    caller = Caller("ci", Role.ADMIN, models=frozenset({"loan", "fraud"}))
    GATE.check_model(caller, "loan")
    GATE.check_model(caller, None, selects=True)
    for model in ("churn", "loa", "loan2", None):
        with pytest.raises(Forbidden, match="'ci' may use fraud, loan alone") as refusal:
            GATE.check_model(caller, model)
        assert refusal.value.body == {"models": ["fraud", "loan"]}
    GATE.check_model(Caller("ann", Role.READ), None)
    with pytest.raises(Forbidden):
        GATE.check_report(caller)  # a report is about any model


def test_a_name_without_a_role_may_do_nothing() -> None:
    with pytest.raises(Forbidden, match="'eve' has no role"):
        GATE.check(Caller("eve", None, Via.PROXY), Role.READ, HERE)
    with pytest.raises(Forbidden):
        GATE.check_report(Caller("eve", Role.ROLL))

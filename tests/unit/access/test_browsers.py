"""Browsers without HTTP: the origin of a page, the limit of failed logins, one-time links, the people of a proxy."""

import pytest

from changeover.exceptions import InvalidTokens
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from model_server.access.links import LASTS_S, Links
from model_server.access.login_limit import MOST, WINDOW_S, LoginLimit
from model_server.access.origin import is_of_this_origin
from model_server.access.proxy_roles import name_in, role_of, roles_in
from model_server.access.tokens import Tokens

HOST = "models.example.org:5001"


class Clock:
    """A clock that a test moves."""

    time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.mark.parametrize(
    ("fetch_site", "origin", "same"),
    [
        ("same-origin", "null", True),
        ("none", None, True),
        ("same-site", f"http://{HOST}", False),
        ("cross-site", f"http://{HOST}", False),
        ("", f"http://{HOST}", False),
        (None, f"http://{HOST}", True),
        (None, f"https://{HOST.upper()}", True),
        (None, "http://models.example.org", False),
        (None, f"http://{HOST}.evil.example", False),
        (None, f"http://evil.example/{HOST}", False),
        (None, "null", False),
        (None, "", False),
        (None, None, False),
    ],
)
def test_a_request_shows_that_its_page_is_of_this_origin(
    fetch_site: str | None, origin: str | None, same: bool
) -> None:
    assert is_of_this_origin(fetch_site, origin, HOST) is same


def test_an_address_may_fail_ten_times_a_minute() -> None:
    clock = Clock()
    limit = LoginLimit(clock)
    assert [limit.begin("10.0.0.1") for _ in range(MOST)] == [0] * MOST
    clock.time += WINDOW_S / 2
    assert limit.begin("10.0.0.1") == WINDOW_S / 2
    assert limit.begin("10.0.0.2") == 0
    clock.time += WINDOW_S / 2
    assert limit.begin("10.0.0.1") == 0


def test_a_login_that_succeeds_is_not_counted() -> None:
    limit = LoginLimit(Clock())
    for _ in range(3 * MOST):
        assert limit.begin("10.0.0.1") == 0
        limit.succeeded("10.0.0.1")


def test_the_addresses_of_one_machine_in_ipv6_are_one() -> None:
    limit = LoginLimit(Clock())
    waits = [limit.begin(f"2001:db8::{number:x}") for number in range(MOST + 1)]
    assert waits[-1] == WINDOW_S
    assert limit.begin("2001:db8:0:1::1") == 0
    assert limit.begin("::ffff:10.0.0.1") == 0


def test_a_link_ends_when_it_is_used_too_old_or_its_token_is_gone() -> None:
    clock = Clock()
    token, other = (NamedToken.of(name, Role.READ, f"token-of-{name}") for name in ("ann", "bob"))
    links = Links(Tokens(None, token), clock)
    used, old, fresh, gone = (links.make(each) for each in (token, token, token, other))
    assert (links.use(used), links.use(used), links.use(gone), links.use("guess")) == (token, None, None, None)
    clock.time += LASTS_S
    assert links.use(old) is None
    clock.time -= 1
    assert links.use(fresh) == token


def test_the_nearest_entry_of_proxy_roles_decides() -> None:
    roles = roles_in("ann@example.org=admin, @example.org = roll, *=read,")
    names = ["ann@example.org", "Ann@Example.org", "bob@example.org", "eve@evil.org", "x@example.org@evil.org", "4711"]
    assert [role_of(name, roles) for name in names] == [
        *(Role.ADMIN, Role.ADMIN, Role.ROLL, Role.READ, Role.READ, Role.READ)
    ]
    assert role_of("eve@evil.org", roles_in("@example.org=roll")) is None


@pytest.mark.parametrize("listed", ["ann", "ann=boss", "=read", "a b=read", "ann=read,Ann=roll", "**=read", "@=read"])
def test_an_entry_of_proxy_roles_that_is_none_is_named(listed: str) -> None:
    with pytest.raises((ValueError, InvalidTokens), match=r"name|listed twice|=boss"):
        roles_in(listed)


@pytest.mark.parametrize(
    ("user", "email", "name"),
    [
        ("4711", "ann@example.org", "ann@example.org"),
        ("ann", None, "ann"),
        ("ann", "not an address", "ann"),
        ("model_server", "", None),
        (None, None, None),
    ],
)
def test_a_person_is_named_by_the_address_or_else_by_the_user(
    user: str | None, email: str | None, name: str | None
) -> None:
    assert name_in(user, email) == name

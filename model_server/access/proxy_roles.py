"""The roles of people that a proxy has logged in: the entries of PROXY_ROLES.

`ann@example.org=roll, @example.org=read, *=read`: a name, all names that end so, or every name. The first of these three
kinds that fits decides.
"""

from collections.abc import Mapping
from typing import Final

from changeover.exceptions import InvalidTokens
from changeover.protocol.roles import Role
from changeover.protocol.token_file import check_caller_name, roles_listed

_ANY: Final = "*"


def roles_in(listed: str) -> dict[str, Role]:
    """The entries of PROXY_ROLES; raises ValueError for one that is none."""
    roles: dict[str, Role] = {}
    for entry in (part.strip() for part in listed.split(",")):
        if not entry:
            continue
        name, _, word = (part.strip() for part in entry.partition("="))
        role = Role.of(word)
        if role is None:
            raise ValueError(f"{entry!r} is not name=role with a role of {roles_listed()}")
        if name != _ANY:
            check_caller_name(name.removeprefix("@"))
        if name.lower() in roles:
            raise ValueError(f"{name!r} is listed twice")
        roles[name.lower()] = role
    return roles


def role_of(name: str, roles: Mapping[str, Role]) -> Role | None:
    """The role of the person with this name, or None."""
    name = name.lower()
    domain = f"@{name.rpartition('@')[2]}" if "@" in name else ""
    return next((roles[key] for key in (name, domain, _ANY) if key in roles), None)


def name_in(user: str | None, email: str | None) -> str | None:
    """The name of the person in X-Forwarded-Email or X-Forwarded-User; None without one that a caller may have."""
    for text in (email, user):
        try:
            if text:
                return check_caller_name(text.strip())
        except InvalidTokens:
            continue
    return None

"""The outline of an artifact's outermost object: its class, and which of its members are models or parts of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from changeover.artifact.inert.record import Record, is_a
from changeover.artifact.roles import Role, role_of

_DEEPEST: Final = 3  # containers in one another
_MOST_MEMBERS: Final = 200
_LONGEST_KEY: Final = 80
_LARGEST_KEY: Final = 10**9
_MAPPINGS: Final = ("collections.OrderedDict", "collections.defaultdict", "sklearn.utils._bunch.Bunch")


@dataclass(frozen=True)
class Member:
    """A member of a container: `where` is its subscript as Python writes it, `["model"]` or `[0]`."""

    where: str
    kind: str
    role: Role

    @property
    def name(self) -> str:
        """The class name without its module."""
        return self.kind.rpartition(".")[2]


@dataclass(frozen=True)
class Outline:
    """The dotted class name of the outermost object, its role, and the members of a container."""

    kind: str = ""
    role: Role = Role.OTHER
    members: tuple[Member, ...] = ()

    @property
    def name(self) -> str:
        """The class name without its module."""
        return self.kind.rpartition(".")[2]

    @property
    def is_container(self) -> bool:
        """Whether it is a dict, a list or a tuple."""
        return self.kind.startswith("builtins.") or self.kind in _MAPPINGS

    def of_role(self, *roles: Role) -> tuple[Member, ...]:
        """The members of these roles."""
        return tuple(member for member in self.members if member.role in roles)


def outline_of(top: Any) -> Outline:
    """The outline of an inert object."""
    if not isinstance(top, Record):
        return Outline(_kind_of(top))
    members = tuple(_members(top, "", 1)) if _is_container(top) else ()
    return Outline(top.kind, role_of(top), members)


def _members(container: Record, path: str, depth: int) -> list[Member]:
    members: list[Member] = []
    for key, value in _entries(container):
        if len(members) >= _MOST_MEMBERS:
            break
        where = f"{path}[{key}]"
        role = role_of(value)
        if isinstance(value, Record) and _is_container(value) and role is Role.OTHER and depth < _DEEPEST:
            members += _members(value, where, depth + 1)
        else:
            members.append(Member(where, _kind_of(value), role))
    return members[:_MOST_MEMBERS]


def _entries(container: Record) -> Iterator[tuple[str, Any]]:
    """The members of a container with their subscripts."""
    if is_a(container, "list", "tuple"):
        yield from ((str(index), value) for index, value in enumerate(container.items[:_MOST_MEMBERS]))
    for key, value in container.pairs[:_MOST_MEMBERS]:
        yield _subscript(key), value


def _subscript(key: object) -> str:
    if isinstance(key, str):
        plain = key.isprintable() and len(key) <= _LONGEST_KEY and not set(key) & set('"\\`')
        return f'"{key}"' if plain else "..."
    return repr(key) if isinstance(key, int) and abs(key) <= _LARGEST_KEY else "..."


def _is_container(thing: Record) -> bool:
    return is_a(thing, "dict", "list", "tuple") or thing.kind in _MAPPINGS


def _kind_of(thing: object) -> str:
    return thing.kind if isinstance(thing, Record) else type(thing).__name__

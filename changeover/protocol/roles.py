"""The roles of callers of model_server, in their order: read, publish, roll, admin. Each includes those before it."""

from enum import IntEnum
from typing import Self


class Role(IntEnum):
    """What a caller may do; `docs/protocol.md`, "What model_server accepts", lists the calls of each role."""

    READ = 1
    PUBLISH = 2
    ROLL = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """The role as files, options and problems spell it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Self | None:
        """The role with this word, or None."""
        return next((role for role in cls if role.word == word), None)

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        return self >= other

"""The lines of TOKENS_FILE: `name:role:sha256`, one for each token; `#` begins a comment, as does an empty line.

    ann@example.org:roll:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

The file has the SHA-256 of each token, never the token. Messages name the line, and repeat no digest: a token may stand
there by mistake.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from changeover.exceptions import InvalidTokens
from changeover.protocol.roles import Role

LARGEST_FILE: Final = 1024**2  # bytes: some ten thousand tokens
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# names by which the ledger and the log mean no token
_RESERVED: Final = frozenset({"model_server", "replica", "anonymous"})


@dataclass(frozen=True)
class NamedToken:
    """A token: its name in the ledger, its role, and the SHA-256 of its text in hex digits."""

    name: str
    role: Role
    sha256: str

    @classmethod
    def of(cls, name: str, role: Role, token: str) -> "NamedToken":
        """The entry for the text of a token."""
        return cls(check_caller_name(name), role, digest_of(token))

    @property
    def line(self) -> str:
        """The line of the file, without its end."""
        return f"{self.name}:{self.role.word}:{self.sha256}"


def digest_of(token: str) -> str:
    """The SHA-256 of a token, in hex digits. WSGI decodes headers as Latin-1: these are the bytes that came."""
    return hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()


def check_caller_name(name: str) -> str:
    """`name`, if a caller may have it; raises InvalidTokens."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise InvalidTokens(
            f"{name[:128]!r} is no name of a token: write letters, digits and ._@+- (128 at most), and none of "
            f"{', '.join(sorted(_RESERVED))}"
        )
    return name


def tokens_in(text: str) -> list[NamedToken]:
    """The tokens of a file's content; raises InvalidTokens, whose message names the line."""
    tokens: list[NamedToken] = []
    first: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        token = _token(entry, number)
        for kind, value in (("name", token.name), ("token", token.sha256)):
            other = first.setdefault((kind, value), number)
            if other != number:
                raise InvalidTokens(f"line {number} ({token.name!r}): line {other} has the same {kind}")
        tokens.append(token)
    return tokens


def without(text: str, name: str) -> str:
    """The content without the line of the token `name`; comments stay."""
    return "".join(line for line in text.splitlines(keepends=True) if line.strip().partition(":")[0] != name)


def roles_listed(roles: Sequence[Role] = tuple(Role)) -> str:
    """`read, publish, roll, admin`."""
    return ", ".join(role.word for role in roles)


def _token(entry: str, number: int) -> NamedToken:
    parts = [part.strip() for part in entry.split(":")]
    if len(parts) != 3:
        raise InvalidTokens(f"line {number} is not name:role:sha256; `changeover token new` writes such a line")
    name, word, sha256 = parts
    try:
        check_caller_name(name)
    except InvalidTokens as error:
        raise InvalidTokens(f"line {number}: {error}") from None
    role = Role.of(word)
    if role is None:
        raise InvalidTokens(f"line {number} ({name!r}): the role is none of {roles_listed()}")
    if not _SHA256.fullmatch(sha256):
        raise InvalidTokens(
            f"line {number} ({name!r}): the third part is not a SHA-256 in 64 lowercase hex digits: "
            f'printf %s "$TOKEN" | sha256sum prints that of a token'
        )
    return NamedToken(name, role, sha256)

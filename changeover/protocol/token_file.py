"""The lines of TOKENS_FILE: `name:role:sha256`, one for each token; `#` begins a comment, as does an empty line.

    ann@example.org:roll:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    ci:publish:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 until=2026-12-31T00:00:00Z models=a,b

After the hash, `until` is the end of a token, and `models` are the only ones that it may use. A name may have several
lines, with the same role and models, if each but one has an end: so a token is replaced while both are valid. The file has the SHA-256 of each token, never the token. Messages name the line, and repeat no digest: a token may stand
there by mistake.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from changeover.exceptions import InvalidName, InvalidTokens
from changeover.names import check_model_name
from changeover.protocol.roles import Role

LARGEST_FILE: Final = 1024**2  # bytes: some ten thousand tokens
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_FORMAT: Final = "name:role:sha256, then until=TIME or models=a,b"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# names by which the ledger and the log mean no token
_RESERVED: Final = frozenset({"model_server", "replica", "anonymous"})


@dataclass(frozen=True)
class NamedToken:
    """A token: its name in the ledger, its role, and the SHA-256 of its text in hex digits.

    `until` is its end in UTC, None for none; `models` are the only ones that it may use, empty for all.
    """

    name: str
    role: Role
    sha256: str
    until: datetime | None = None
    models: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, role: Role, token: str) -> "NamedToken":
        """The entry for the text of a token."""
        return cls(check_caller_name(name), role, digest_of(token))

    @property
    def line(self) -> str:
        """The line of the file, without its end."""
        until = f" until={self.until_text}" if self.until is not None else ""
        models = f" models={','.join(sorted(self.models))}" if self.models else ""
        return f"{self.name}:{self.role.word}:{self.sha256}{until}{models}"

    @property
    def until_text(self) -> str:
        """Its end as RFC 3339, an empty string for none."""
        return self.until.isoformat(timespec="seconds").replace("+00:00", "Z") if self.until is not None else ""

    def has_ended(self, time: datetime) -> bool:
        """Whether its end is not after `time`."""
        return self.until is not None and self.until <= time


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
        other = first.setdefault(("token", token.sha256), number)
        if other != number:
            raise InvalidTokens(f"line {number} ({token.name!r}): line {other} has the same token")
        if token.until is None and (other := first.setdefault(("name", token.name), number)) != number:
            raise InvalidTokens(
                f"line {number} ({token.name!r}): line {other} has the same name, and neither has an end: one of them "
                f"needs until=TIME (`changeover token rotate` writes it)"
            )
        for each in tokens:
            if each.name == token.name and (each.role, each.models) != (token.role, token.models):
                raise InvalidTokens(
                    f"line {number} ({token.name!r}): another line of this name has another role or models"
                )
        tokens.append(token)
    return tokens


def end_of(text: str) -> datetime:
    """The end that `text` names in UTC: an RFC 3339 time, or a date, which is the last day. Raises InvalidTokens."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and _DATE.fullmatch(text):
        return moment.replace(tzinfo=UTC) + timedelta(days=1)
    if moment is None or moment.tzinfo is None:
        raise InvalidTokens(
            f"{text[:40]!r} is no end: write a date like 2026-12-31, or a time like 2026-12-31T12:00:00Z"
        )
    return moment.astimezone(UTC)


def models_of(text: str) -> frozenset[str]:
    """The models in a list that commas separate; raises InvalidTokens for none, or for one that is no name."""
    try:
        models = frozenset(check_model_name(name.strip()) for name in text.split(","))
    except InvalidName as error:
        raise InvalidTokens(f"models={text[:80]}: {error}") from None
    return models


def rotated(text: str, new: NamedToken, overlap_ends: datetime, time: datetime) -> str:
    """The content in which `new` replaces the tokens of its name: they end at `overlap_ends`, if not before.

    Lines of this name that ended before `time` are removed.
    """
    lines: list[str] = []
    for line in text.splitlines():
        if not _is_of(line, new.name):
            lines.append(line)
            continue
        token = _token(line.strip(), len(lines) + 1)
        if not token.has_ended(time):
            lines.append(replace(token, until=min(token.until or overlap_ends, overlap_ends)).line)
    return "".join(f"{line}\n" for line in [*lines, new.line])


def without(text: str, name: str) -> str:
    """The content without the lines of the tokens `name`; comments stay."""
    return "".join(line for line in text.splitlines(keepends=True) if not _is_of(line, name))


def roles_listed(roles: Sequence[Role] = tuple(Role)) -> str:
    """`read, publish, roll, admin`."""
    return ", ".join(role.word for role in roles)


def _is_of(line: str, name: str) -> bool:
    return line.strip().partition(":")[0].strip() == name


def _token(entry: str, number: int) -> NamedToken:
    parts = [part.strip() for part in entry.split(":", 2)]
    rest = parts[2].split() if len(parts) == 3 else []
    if not rest or ":" in rest[0]:
        raise InvalidTokens(f"line {number} is not {_FORMAT}; `changeover token new` writes such a line")
    name, word, sha256 = *parts[:2], rest[0]
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
    try:
        return _with_limits(NamedToken(name, role, sha256), rest[1:])
    except InvalidTokens as error:
        raise InvalidTokens(f"line {number} ({name!r}): {error}") from None


def _with_limits(token: NamedToken, options: Sequence[str]) -> NamedToken:
    """The token with `until=` and `models=`, each once at most; raises InvalidTokens."""
    given: set[str] = set()
    for option in options:
        name, sign, value = option.partition("=")
        if name not in {"until", "models"} or not sign or name in given:
            raise InvalidTokens(
                f"after the hash only until=TIME and models=a,b may stand, once each; not {name[:20]!r}"
            )
        given.add(name)
        token = replace(token, until=end_of(value)) if name == "until" else replace(token, models=models_of(value))
    return token

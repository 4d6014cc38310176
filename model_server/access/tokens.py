"""The tokens of this model_server: those of TOKENS_FILE, read again after each change, and PUBLISH_TOKEN."""

import hmac
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from changeover.exceptions import InvalidTokens
from changeover.process.log_events import event
from changeover.process.marked_file import Mark, mark_at, read_marked
from changeover.protocol.token_file import LARGEST_FILE, NamedToken, digest_of, tokens_in
from model_server.exceptions import TokenEnded, Unauthenticated

SHARED_NAME: Final = "publish-token"  # the name of PUBLISH_TOKEN in the ledger, unless PUBLISH_TOKEN_NAME gives another


def read_token_file(path: Path) -> tuple[Mark, list[NamedToken]]:
    """A mark of the state of the file at `path`, and its tokens; raises InvalidTokens, whose message names the file."""
    try:
        mark, content = read_marked(path, LARGEST_FILE)
    except OSError as error:
        raise InvalidTokens(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidTokens(f"{path} has {error}") from None
    try:
        return mark, tokens_in(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidTokens(f"{path} is not UTF-8") from None
    except InvalidTokens as error:
        raise InvalidTokens(f"{path}: {error}") from None


class Tokens:
    """The tokens at this moment. Thread-safe.

    `path` is TOKENS_FILE. If it is invalid or missing after a change, the tokens before the change stay valid; at the
    start of a process there are none then, because freshness checks need no token and have to be answered. `shared` is
    PUBLISH_TOKEN with its name, and `unnamed` the digest of a PUBLISH_TOKEN that TOKENS_FILE has replaced.
    """

    def __init__(
        self,
        path: Path | None,
        shared: NamedToken | None,
        unnamed: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._path = path
        self._shared = [shared] if shared else []
        self._unnamed = unnamed
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._tokens: list[NamedToken] = []
        if path is not None:
            self._read(path, mark_at(path))

    def find(self, token: str) -> NamedToken:
        """The entry of this token, compared in constant time with each; raises TokenEnded or Unauthenticated."""
        digest = digest_of(token)
        # all are compared, so that the time tells nothing about the place of a match
        matches = [each for each in self._newest() if hmac.compare_digest(each.sha256, digest)]
        if matches:
            if matches[0].has_ended(self._clock()):
                raise TokenEnded(matches[0].name, matches[0].until_text)
            return matches[0]
        if self._unnamed and hmac.compare_digest(self._unnamed, digest):
            raise Unauthenticated(
                "this is PUBLISH_TOKEN, which TOKENS_FILE has replaced here: use a token of your own, which "
                "`changeover token new` makes"
            )
        raise Unauthenticated("the token is not one of this model_server")

    def named(self, name: str) -> list[NamedToken]:
        """The valid tokens with this name: one, none, or several while one replaces another."""
        time = self._clock()
        return [each for each in self._newest() if each.name == name and not each.has_ended(time)]

    def _newest(self) -> list[NamedToken]:
        if self._path is not None:
            mark = mark_at(self._path)
            if mark != self._mark:
                with self._lock:
                    if mark != self._mark:
                        self._read(self._path, mark)
        return self._shared + self._tokens

    def _read(self, path: Path, mark: Mark | None) -> None:
        try:
            mark, self._tokens = read_token_file(path)
            self._mark = mark  # last: a thread that sees this mark uses these tokens
            event("tokens.read", tokens=[f"{each.name}:{each.role.word}" for each in self._tokens])
        except InvalidTokens as error:
            self._mark = mark  # one event for each change, not for each request
            event("tokens.invalid", level="error", reason=f"TOKENS_FILE: {error}; the tokens before this stay valid")

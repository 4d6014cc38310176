"""One-time links for a login: each stands for the token that made it, for 15 minutes or until it is used."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from typing import Final

from changeover.process.clock import now
from changeover.protocol.token_file import NamedToken
from model_server.access.tokens import Tokens

LASTS_S: Final = 15 * 60
_MOST: Final = 1000  # links that wait; the oldest makes room


class Links:
    """The links that wait to be used, by the hash of their secret. Thread-safe; they end with the process."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = now) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[NamedToken, float]] = {}

    def make(self, token: NamedToken) -> str:
        """The secret of a new link for the owner of `token`."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            time = self._clock()
            self._waiting = {key: each for key, each in self._waiting.items() if each[1] > time}
            while len(self._waiting) >= _MOST:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[_hash(secret)] = (token, time + LASTS_S)
        return secret

    def use(self, secret: str) -> NamedToken | None:
        """The token of a link, once; None if it was used, is too old, or its token has ended or changed."""
        with self._lock:
            token, ends_at = self._waiting.pop(_hash(secret), (None, 0.0))
        if token is None or ends_at <= self._clock():
            return None
        return next((each for each in self._tokens.named(token.name) if each.sha256 == token.sha256), None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

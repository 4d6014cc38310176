"""The sessions of browsers: signed cookies, without a list of them on the server.

A cookie names a token and binds to its hash. So a session ends with its token, and its role is the token's at each request.
The key of the signatures is in a file, so that sessions outlast a restart; a new key ends all of them.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from changeover.process.atomic_file import write_atomically
from changeover.process.log_events import event
from changeover.protocol.token_file import NamedToken
from model_server.access.caller import Caller, Via
from model_server.access.tokens import Tokens

LASTS_S: Final = 12 * 3600
_KEY_BYTES: Final = 32
_LONGEST: Final = 1000  # characters of a cookie


class Sessions:
    """The cookies of this model_server. Thread-safe. Without a `key_file` sessions end with the process."""

    def __init__(self, tokens: Tokens, key_file: Path | None, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds of the wall clock."""
        self._tokens = tokens
        self._file = key_file
        self._clock = clock
        self._lock = threading.Lock()
        self._key = self._kept() or self._new_key()

    def cookie(self, token: NamedToken) -> str:
        """The value of the cookie for a new session of this token's owner."""
        key = self._key
        return _signer(key).dumps([token.name, _bond(key, token), int(self._clock())])

    def caller(self, cookie: str) -> Caller | None:
        """The caller of the session, or None if it was forged, has ended, or its token has."""
        key = self._key
        try:
            name, bond, since = _signer(key).loads(cookie[:_LONGEST])
        except (BadData, ValueError, TypeError):
            return None
        if not 0 <= self._clock() - since < LASTS_S:
            return None
        for token in self._tokens.named(name):
            if secrets.compare_digest(_bond(key, token), bond):
                return Caller(token.name, token.role, Via.SESSION, token.models)
        return None

    def end_all(self) -> None:
        """End every session: their cookies are signed by a key that is gone."""
        with self._lock:
            self._key = self._new_key()

    def _kept(self) -> bytes | None:
        try:
            key = bytes.fromhex(self._file.read_text(encoding="ascii")) if self._file else b""
        except (OSError, ValueError):
            return None
        return key if len(key) == _KEY_BYTES else None

    def _new_key(self) -> bytes:
        key = secrets.token_bytes(_KEY_BYTES)
        if self._file is not None:
            try:
                write_atomically(self._file, key.hex().encode())
            except OSError as error:
                # the old key must not come back at the next start
                self._file.unlink(missing_ok=True)
                event("sessions.unkept", level="warning", reason=f"{error.strerror}: sessions end with this process")
        return key


def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=b"changeover session", signer_kwargs={"digest_method": hashlib.sha256})


def _bond(key: bytes, token: NamedToken) -> str:
    """A mark of the token's hash, which tells nothing about it."""
    return hashlib.blake2b(token.sha256.encode(), key=key, digest_size=16).hexdigest()

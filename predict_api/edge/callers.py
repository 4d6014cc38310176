"""The callers of this instance: their keys from KEYS_FILE, and a token bucket for each."""

import secrets
import threading
from collections.abc import Callable
from contextvars import ContextVar
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from changeover import digest
from changeover.process.atomic_file import write_atomically
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.process.marked_file import Mark, mark_at, read_marked
from predict_api.edge.api_keys import ApiKeys, Caller, read_callers
from predict_api.edge.buckets import Buckets
from predict_api.exceptions import InvalidKeys, NoValidKey, TooManyRequests

# the caller of the request that this thread processes; None where no key is needed
CALLER: Final[ContextVar[Caller | None]] = ContextVar("caller", default=None)
_LARGEST_FILE: Final = 4 * 1024**2  # bytes: some ten thousand keys


class _Reading(NamedTuple):
    """The keys of one content of KEYS_FILE, and the buckets of their callers."""

    content: bytes
    keys: ApiKeys
    buckets: Buckets


class KeyFile(NamedTuple):
    """A valid KEYS_FILE: a mark of its state, its content and its entries."""

    mark: Mark
    content: bytes
    callers: list[Caller]


def read_key_file(path: Path) -> KeyFile:
    """The file at `path`; raises InvalidKeys, whose message names the file."""
    try:
        mark, content = read_marked(path, _LARGEST_FILE)
    except OSError as error:
        raise InvalidKeys(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidKeys(f"{path} has {error}") from None
    try:
        return KeyFile(mark, content, read_callers(content))
    except InvalidKeys as error:
        raise InvalidKeys(f"{path}: {error}") from None


class Callers:
    """The check of a request's key and rate. Thread-safe.

    `path` is KEYS_FILE, read again after each change; new content fills all buckets. The workers of an instance share
    `directory`. It has the buckets, and a copy of the last valid file: if the file is invalid or missing after a change,
    every worker keeps to that copy, also one that starts then, and the log says why. Raises InvalidKeys if there is
    neither.
    """

    def __init__(self, path: Path, directory: Path, clock: Callable[[], float] = now) -> None:
        self._path, self._directory, self._clock = path, directory, clock
        self._copy = directory / "callers.json"
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._mark = mark_at(path)
        try:
            file = read_key_file(path)
        except InvalidKeys as error:
            if not self._copy.exists():
                raise
            self._log_invalid(error)
            file = read_key_file(self._copy)
        self._last = self._reading(file)

    def identify(self, api_key: str | None, authorization: str | None) -> Caller:
        """The caller of a request with these headers, X-API-Key before Authorization; raises NoValidKey."""
        key = api_key
        if key is None:
            scheme, _, key = (authorization or "").strip().partition(" ")
            key = key.strip() if scheme.lower() == "bearer" else ""
        if not key:
            raise NoValidKey("send your API key as Authorization: Bearer <key>, or as X-API-Key: <key>")
        return self._newest().keys.caller(key)

    def take_token(self, caller: Caller) -> None:
        """Take a token from the caller's bucket; raises TooManyRequests if it is empty."""
        rate = caller.requests_per_second
        if rate is None:
            return
        burst = max(1.0, rate) if caller.burst is None else caller.burst
        wait = self._last.buckets.take(caller.name, self._clock(), rate, burst)
        if wait > 0:
            raise TooManyRequests(
                f"the key of {caller.name!r} may send {rate:g} requests per second, and {burst:g} without a pause",
                retry_after=ceil(wait),
            )

    def _newest(self) -> _Reading:
        """What the file gave, as it is now."""
        mark = mark_at(self._path)
        if mark != self._mark:
            with self._lock:
                if mark != self._mark:
                    self._read_again(mark)
        return self._last

    def _read_again(self, mark: Mark | None) -> None:
        try:
            file = read_key_file(self._path)
            self._last, self._mark = self._reading(file, self._last), file.mark
            event("keys.read", callers=[caller.name for caller in file.callers])
        except (InvalidKeys, OSError) as error:
            self._log_invalid(error)
            self._last = self._reading(
                read_key_file(self._copy), self._last
            )  # another worker may have read a later one than this
            self._mark = mark  # one event for each change, not for each request

    def _log_invalid(self, error: Exception) -> None:
        event("keys.invalid", level="error", reason=f"KEYS_FILE: {error}; the keys before this change stay valid")

    def _reading(self, file: KeyFile, last: _Reading | None = None) -> _Reading:
        """The keys and buckets of a valid file. Workers that read the same content share the buckets."""
        if last is not None and last.content == file.content:
            return last
        if not self._copy.exists() or self._copy.read_bytes() != file.content:
            write_atomically(self._copy, file.content)
        buckets = Buckets(self._directory / f"callers-{digest.sha256(file.content)[:32]}", file.callers)
        return _Reading(file.content, ApiKeys(file.callers, self._secret), buckets)

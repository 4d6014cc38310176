"""The callers of this instance: their keys from KEYS_FILE, and their token buckets in files that all workers share.

A bucket is a file of eight bytes in the instance's private directory, changed under a lock (flock) of microseconds. So a
limit holds for the instance, whichever worker answers, and the end of a worker leaves no lock behind.
"""

import fcntl
import os
import secrets
import struct
import threading
from collections.abc import Callable
from contextvars import ContextVar
from math import ceil
from pathlib import Path
from typing import Final

from changeover.process.clock import now
from changeover.process.log_events import event
from predict_api.edge.api_keys import ApiKeys, Caller, read_callers
from predict_api.edge.token_bucket import take
from predict_api.exceptions import InvalidKeys, NoValidKey, TooManyRequests

# the caller of the request that this thread processes; None where no key is needed
CALLER: Final[ContextVar[Caller | None]] = ContextVar("caller", default=None)
_LARGEST_FILE: Final = 4 * 1024**2  # bytes: some ten thousand keys
_NUMBER: Final = struct.Struct("<d")
_Mark = tuple[int, int, int]


def read_key_file(path: Path) -> tuple[_Mark, list[Caller]]:
    """The state of the file at `path`, and its entries; raises InvalidKeys, whose message names the file."""
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidKeys(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > _LARGEST_FILE:
        raise InvalidKeys(f"{path} has more than {_LARGEST_FILE} bytes")
    try:
        return _mark(state), read_callers(text)
    except InvalidKeys as error:
        raise InvalidKeys(f"{path}: {error}") from None


class Callers:
    """The check of a request's key and rate. Thread-safe.

    `path` is KEYS_FILE, read again after each change; if it is invalid or missing then, the last keys stay, and the log
    says why. `directory` holds the buckets. Raises InvalidKeys if the file is invalid at start.
    """

    def __init__(self, path: Path, directory: Path, clock: Callable[[], float] = now) -> None:
        self._path, self._directory, self._clock = path, directory / "callers", clock
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        mark, callers = read_key_file(path)
        self._mark: _Mark | None = mark
        self._keys = ApiKeys(callers, self._secret)

    def identify(self, api_key: str | None, authorization: str | None) -> Caller:
        """The caller of a request with these headers, X-API-Key before Authorization; raises NoValidKey."""
        key = api_key
        if key is None:
            scheme, _, key = (authorization or "").strip().partition(" ")
            key = key.strip() if scheme.lower() == "bearer" else ""
        if not key:
            raise NoValidKey("send your API key as Authorization: Bearer <key>, or as X-API-Key: <key>")
        return self._newest().caller(key)

    def take_token(self, caller: Caller) -> None:
        """Take a token from the caller's bucket; raises TooManyRequests if it is empty."""
        rate = caller.requests_per_second
        if rate is None:
            return
        burst = max(1.0, rate) if caller.burst is None else caller.burst
        wait = self._take(caller.name, rate, burst)
        if wait > 0:
            raise TooManyRequests(
                f"the key of {caller.name!r} may send {rate:g} requests per second, and {burst:g} without a pause",
                retry_after=ceil(wait),
            )

    def _take(self, name: str, rate: float, burst: float) -> float:
        """The seconds until the next token, or 0 after taking one. The lock ends with the descriptor."""
        descriptor = os.open(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = os.pread(descriptor, _NUMBER.size, 0)
            full_at = _NUMBER.unpack(content)[0] if len(content) == _NUMBER.size else 0.0
            full_at, wait = take(full_at, self._clock(), rate, burst)
            if wait == 0:
                os.pwrite(descriptor, _NUMBER.pack(full_at), 0)
        finally:
            os.close(descriptor)
        return wait

    def _newest(self) -> ApiKeys:
        """The keys of the file, as it is now."""
        mark = self._state()
        if mark != self._mark:
            with self._lock:
                if mark != self._mark:
                    self._read_again(mark)
        return self._keys

    def _read_again(self, mark: _Mark | None) -> None:
        try:
            mark, callers = read_key_file(self._path)
        except InvalidKeys as error:
            self._mark = mark  # one event for each change, not for each request
            event("keys.invalid", level="error", reason=f"KEYS_FILE: {error}; the keys before this change stay valid")
            return
        self._keys, self._mark = ApiKeys(callers, self._secret), mark
        event("keys.read", callers=[caller.name for caller in callers])

    def _state(self) -> _Mark | None:
        try:
            return _mark(self._path.stat())
        except OSError:
            return None


def _mark(state: os.stat_result) -> _Mark:
    return state.st_mtime_ns, state.st_ino, state.st_size

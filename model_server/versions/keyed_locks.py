"""Locks by version: one thread at a time removes the bytes of a version, or writes them again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

Key = tuple[str, str]  # model, version


class KeyedLocks:
    """Locks by key. A lock exists while a thread has it or waits for it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: dict[Key, tuple[threading.Lock, int]] = {}  # the lock, and the threads that use it

    @contextmanager
    def held(self, key: Key, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of `key` within the block; without `wait`, the block gets False if another thread has it."""
        with self._mutex:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = lock, users + 1
        acquired = lock.acquire(blocking=wait)
        try:
            yield acquired
        finally:
            if acquired:
                lock.release()
            with self._mutex:
                lock, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = lock, users - 1

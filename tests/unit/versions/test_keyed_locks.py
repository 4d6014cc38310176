"""Locks by version: one thread at a time, and none is left behind."""

import threading

from model_server.versions.keyed_locks import KeyedLocks

A, B = ("loan", "a" * 64), ("loan", "b" * 64)


def test_a_lock_is_held_by_one_thread_and_others_are_free() -> None:
    locks = KeyedLocks()
    with locks.held(A) as first:
        with locks.held(A, wait=False) as second, locks.held(B, wait=False) as other:
            assert (first, second, other) == (True, False, True)
        with locks.held(A, wait=False) as third:
            assert not third, "the lock that was not given is not released either"
    with locks.held(A, wait=False) as again:
        assert again
    assert locks._locks == {}


def test_threads_wait_for_each_other() -> None:
    locks, inside, most = KeyedLocks(), [0], [0]

    def enter() -> None:
        for _ in range(200):
            with locks.held(A):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, locks._locks) == ([1], {})

"""Turns of preparations: few at the same time, and one that takes long holds up no other."""

import threading
from contextlib import ExitStack

from predict_api.preparation.turns import Turns


def test_at_most_so_many_have_a_turn_and_all_have_one() -> None:
    turns, lock = Turns(2), threading.Lock()
    running, most, ended = 0, 0, 0

    def prepare() -> None:
        nonlocal running, most, ended
        with turns.turn():
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.005)
            with lock:
                running -= 1
                ended += 1

    threads = [threading.Thread(target=prepare) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, ended) == (2, 12)


def test_one_that_takes_long_keeps_its_turn_and_holds_up_no_other() -> None:
    turns = Turns(1, long_seconds=0.05)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(turns.turn())
    with turns.turn():
        pass


def test_a_failed_preparation_gives_its_turn_back() -> None:
    turns = Turns(1)
    for _ in range(3):
        try:
            with turns.turn():
                raise ValueError
        except ValueError:
            pass

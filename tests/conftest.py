"""Helpers of every test: waiting for a condition with a deadline, and a free port."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from changeover.up.ports import find_free

if "COVERAGE_PROCESS_CONFIG" in os.environ:  # set while coverage is measured: children are told how to follow threads
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parent / "measured"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )

T = TypeVar("T")
PATIENCE = 4.0  # a machine may be so many times as slow as the one on which the seconds of the tests were chosen


def wait_until(condition: Callable[[], T], seconds: float = 20.0, what: str = "the condition") -> T:
    """Return the first true value of `condition`, asked again and again until PATIENCE times `seconds` are over."""
    deadline = time.monotonic() + PATIENCE * seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            pytest.fail(f"{what} did not come true within {PATIENCE * seconds:g} s (last: {value!r})")
        pause.wait(0.02)


@pytest.fixture
def eventually() -> Callable[..., object]:
    """`eventually(lambda: ..., seconds=20, what="...")` waits for a condition with a deadline."""
    return wait_until


def port_that_is_free() -> int:
    """A port of the loopback interface that nobody listens on at this moment, drawn from many."""
    return find_free(set())


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    return port_that_is_free()

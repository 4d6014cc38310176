"""The log writer: lines are in order, never block, are counted if they are dropped, and are written before the end."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from changeover.process.log_writer import LogWriter
from tests.conftest import wait_until


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """The two ends of a pipe: reader and writer."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as reading, os.fdopen(writer, "w") as writing:
        yield reading, writing


def missing(lines: int) -> str:
    return f"missing: {lines}"


def test_lines_come_in_order_whichever_thread_wrote_them(pipe: tuple[TextIO, TextIO]) -> None:
    reading, writing = pipe
    writer = LogWriter(missing, writing)
    for number in range(1000):
        writer.put(str(number))
    assert [reading.readline() for _ in range(1000)] == [f"{number}\n" for number in range(1000)]


def test_what_finds_no_room_is_dropped_and_counted_where_it_is_missing(pipe: tuple[TextIO, TextIO]) -> None:
    """Fault 64: the pipe is full, then the queue; the count of dropped lines is between earlier and later lines."""
    reading, writing = pipe
    writer = LogWriter(missing, writing, room=5)
    writer.put("x" * 100_000)  # more than a pipe holds: the thread blocks in the write
    wait_until(lambda: not writer._lines, what="the write of the first line")
    for number in range(8):
        writer.put(str(number))
    assert len(reading.readline()) == 100_001
    assert [reading.readline() for _ in range(6)] == ["0\n", "1\n", "2\n", "3\n", "4\n", "missing: 3\n"]
    writer.put("after")
    assert reading.readline() == "after\n"


def test_a_closed_reader_ends_no_writer() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    with os.fdopen(descriptor, "w") as writing:
        writer = LogWriter(missing, writing)
        for number in range(10):
            writer.put(str(number))
            writer.flush()


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "raise KeyboardInterrupt"])
@pytest.mark.parametrize("process", ["here()", "fork()", "multiprocessed()"])
def test_the_last_lines_of_a_process_are_written(process: str, end: str) -> None:
    program = f"""
import multiprocessing, os, sys
from changeover.process.log_events import configure, event
configure("test")
event("of the parent")
def here():
    event("last words")
    {end}
def fork():
    if os.fork():
        os.wait()
    else:
        here()
def multiprocessed():
    child = multiprocessing.get_context("fork").Process(target=here)
    child.start()
    child.join()
{process}
"""
    log = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    ).stderr
    assert (log.count('"of the parent"'), log.count('"last words"')) == (1, 1)


def test_a_flush_waits_for_no_reader_that_never_comes(pipe: tuple[TextIO, TextIO]) -> None:
    reading, writing = pipe
    writer = LogWriter(missing, writing)
    writer.put("x" * 100_000)
    flushed = threading.Thread(target=writer.flush, args=(0.05,))
    flushed.start()
    flushed.join(20)
    assert not flushed.is_alive()
    assert len(reading.readline()) == 100_001

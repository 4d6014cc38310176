"""The end of a worker process whose parent died: while the worker was starting, or a worker that ignores SIGTERM."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import wait_until
from tests.processes.service import gone, lives
from tests.tree import ROOT

PROGRAM = """
import multiprocessing, os, pathlib, sys, threading

def work(folder):
    pathlib.Path(folder, "worker").write_text(str(os.getpid()))
    while os.getppid() == multiprocessing.parent_process().pid:
        threading.Event().wait(0.01)
    from changeover.process.parent_death import end_with_parent
    end_with_parent()
    pathlib.Path(folder, "survived").touch()
    threading.Event().wait(60)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1],)).start()
    threading.Event().wait(60)
"""


def worker_of_a_killed_parent(tmp_path: Path, text: str, *arguments: str) -> psutil.Process:
    """Run the program `text` until its worker has written its process id to the file `worker`, then kill it."""
    program, written = tmp_path / "program.py", tmp_path / "worker"
    program.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(program), *arguments], env=environment)
    try:
        wait_until(lambda: written.exists() and written.read_text(), what="the worker runs")
        return psutil.Process(int(written.read_text()))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()


def test_a_worker_whose_parent_died_before_the_call_ends(tmp_path: Path) -> None:
    worker = worker_of_a_killed_parent(tmp_path, PROGRAM, str(tmp_path))
    try:
        wait_until(lambda: (tmp_path / "survived").exists() or not worker.is_running(), what="the worker's end")
        assert not (tmp_path / "survived").exists()
    finally:
        if worker.is_running():
            worker.kill()


DEAF = """
import os, pathlib, signal, subprocess, sys, threading

if sys.argv[2:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from changeover.process.parent_death import end_with_parent
    end_with_parent(within=1)
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
else:
    subprocess.Popen([sys.executable, *sys.argv, "worker"])
threading.Event().wait(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread polls, with the same end")
def test_a_worker_that_ignores_sigterm_is_ended_when_its_parent_is_dead(tmp_path: Path) -> None:
    worker = worker_of_a_killed_parent(tmp_path, DEAF, str(tmp_path / "worker"))
    try:
        wait_until(lambda: gone([worker]), 10, what="the worker's end")
    finally:
        if lives(worker):
            worker.kill()

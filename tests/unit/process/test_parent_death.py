"""The end of a worker process whose parent died while the worker was starting."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.conftest import wait_until
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


def test_a_worker_whose_parent_died_before_the_call_ends(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=environment)
    try:
        written = tmp_path / "worker"
        wait_until(lambda: written.exists() and written.read_text(), what="the worker runs")
        worker = psutil.Process(int(written.read_text()))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    try:
        wait_until(lambda: (tmp_path / "survived").exists() or not worker.is_running(), what="the worker's end")
        assert not (tmp_path / "survived").exists()
    finally:
        if worker.is_running():
            worker.kill()

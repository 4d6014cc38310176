"""Imports of our modules: they start no thread, no child process and no connection."""

import json
import subprocess
import sys

import pytest

from tests.tree import OURS, PACKAGES, ROOT

WATCHED = """
import importlib, json, psutil, sys, threading
started = []
sys.addaudithook(lambda event, arguments: started.append(event) if event in {
    "socket.connect", "os.fork", "os.posix_spawn", "subprocess.Popen", "os.system", "os.exec"
} else None)
found = {}
for name in json.load(sys.stdin):
    started.clear()
    threads = set(threading.enumerate())
    importlib.import_module(name)
    new = [thread.name for thread in set(threading.enumerate()) - threads]
    new += ["a socket"] * len(psutil.Process().net_connections("all"))
    if started or new:
        found[name] = [*started, *new]
print(json.dumps(found))
"""


def _what_starts(names: list[str]) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], input=json.dumps(names), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_our_modules_starts_nothing(package: str) -> None:
    names = [file.module for file in OURS if file.module.split(".")[0] == package and "__main__" not in file.module]
    assert _what_starts(names) == {}


@pytest.mark.parametrize(
    ("text", "started"),
    [
        ("import threading\nthreading.Thread(target=threading.Event().wait, name='w', daemon=True).start()", "w"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
        ("import socket\nlistening = socket.create_server(('127.0.0.1', 0))", "a socket"),
    ],
)
def test_a_module_that_starts_something_is_named(text: str, started: str, tmp_path, monkeypatch) -> None:
    (tmp_path / "starts_something.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert started in _what_starts(["starts_something"])["starts_something"]

"""`changeover up` as a child process of a demo, and the first answer of a model."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from changeover.client.client import Client
from changeover.exceptions import ServiceRefused, StackNotFound
from changeover.json_types import Json
from changeover.process.clock import now
from changeover.up.supervisor import Options

WAIT: Final = Path(__file__).with_name("wait.py")


class StackProcess:
    """`changeover up` in a process group of its own: Ctrl-C reaches the demo alone, which passes one signal on."""

    def __init__(self, options: Options, environment: Mapping[str, str], *, as_json: bool = False) -> None:
        self.home = options.home
        self.ending = False
        command = [sys.executable, "-m", "changeover", "up", *(["--json"] if as_json else [])]
        for name, value in asdict(options).items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGTERM, self._end)
        self.process = subprocess.Popen(command, env=environment, process_group=0)  # noqa: S603 our own program
        if self.ending:
            self.process.terminate()

    def _end(self, _number: int, _frame: object) -> None:
        if not self.ending:
            self.ending = True
            if hasattr(self, "process"):
                self.process.terminate()

    def wait_until_up(self) -> Client | None:
        """A client as soon as everything answers; None if it ended instead."""
        pause = threading.Event()
        while self.process.poll() is None:
            try:
                client = Client(home=self.home)
                if client.stack.pids is not None and client.stack.pids.up == self.process.pid:
                    return client
            except StackNotFound:
                pass
            pause.wait(0.1)
        return None

    def wait(self) -> int:
        """Wait for its end and return its exit code; where possible, `changeover.demo.wait` takes the place of this process."""
        if not self.ending and hasattr(os, "execv"):
            sys.stdout.flush()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # until the script takes them
            os.execv(sys.executable, [sys.executable, "-IS", str(WAIT), str(self.process.pid)])  # noqa: S606 no shell is the point
        return self.process.wait()

    def end(self) -> int:
        """Ask it to end, once, and return its exit code."""
        if self.process.poll() is None and not self.ending:
            self.ending = True
            self.process.terminate()
        return self.process.wait()


def first_answer(client: Client, value: Json) -> Json:
    """The answer; a replica that has only just heard of its first model says 503 for a moment."""
    pause = threading.Event()
    deadline = now() + 30
    while True:
        try:
            return client.predict(value)
        except ServiceRefused as error:
            if error.status != 503 or now() > deadline:
                raise
        pause.wait(0.1)

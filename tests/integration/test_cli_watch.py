"""`changeover watch` as a process: lines into a pipe, a tree on a terminal, and its end by Ctrl-C."""

import itertools
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer


@contextmanager
def watching(server: ModelServer, output: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`changeover watch loan` with its output to a file descriptor; killed at the end if it still runs."""
    command = [sys.executable, "-m", "changeover.cli.main", "watch", "loan", "--interval", "0.1", *options]
    environment = {**os.environ, "CHANGEOVER_TOKEN": PUBLISH_TOKEN, "CHANGEOVER_SERVER_URL": server.url}
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    os.close(output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Output:
    """What was read from a file descriptor so far."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor, self.text = descriptor, ""

    def shows(self, text: str) -> bool:
        """Whether `text` has come."""
        try:
            self.text += os.read(self._descriptor, 1 << 16).decode("utf-8", "replace")
        except OSError:
            return text in self.text
        return text in self.text


def ended(process: subprocess.Popen[bytes], screen: Output) -> bool:
    """Whether the process has ended; a terminal that is not read would be full, and keep it."""
    screen.shows("")
    return process.poll() is not None


def test_a_rollout_is_watched_until_ctrl_c(server: ModelServer) -> None:
    version = server.publish(a_model(1)).json()["version"]
    (pipe, into_pipe), (terminal, into_terminal) = os.pipe(), pty.openpty()
    lines, screen = Output(pipe), Output(terminal)

    def both_show(text: str) -> None:
        for output in (lines, screen):
            wait_until(lambda output=output: output.shows(text), what=text)

    with watching(server, into_pipe) as first, watching(server, into_terminal) as second:
        both_show("no version")
        assert server.roll(version).json()["state"] == "committed"
        both_show(version[:12])
        server.kill()
        both_show("model_server at")
        for process in (first, second):
            process.send_signal(signal.SIGINT)
            wait_until(lambda process=process: ended(process, screen), what="the end by Ctrl-C")
            assert process.returncode == 0
    wait_until(lambda: screen.shows("\x1b[?1049l"), what="the former screen")
    assert "└─ workers" in screen.text
    assert "\x1b" not in lines.text
    printed = [line.partition(" ")[2] for line in lines.text.splitlines()]
    assert all(line != following for line, following in itertools.pairwise(printed))
    os.close(pipe)
    os.close(terminal)

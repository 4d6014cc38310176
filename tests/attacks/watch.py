"""The watch on a stack under attack: what appeared, started, connected, answered and ended, seen from outside."""

import contextlib
import json
import re
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.attacks.attack import MARK, Target
from tests.processes.service import lives

GROWTH = 1 << 29  # bytes by which a listening process may grow for one attack
THREADS = 100  # and the threads that it may gain


class Listener:
    """A TCP port, a UDP port of the same number and a Unix socket that count what comes in."""

    def __init__(self, folder: Path) -> None:
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = tcp.getsockname()[1]
        self.address = str(folder / "listener")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        local = socket.socket(socket.AF_UNIX)
        local.bind(self.address)
        local.listen()
        self._sockets = [tcp, udp, local]
        for each in self._sockets:
            each.setblocking(False)

    def calls(self) -> int:
        """The calls since the last question."""
        count = 0
        with selectors.DefaultSelector() as selector:
            for each in self._sockets:
                selector.register(each, selectors.EVENT_READ)
            while ready := selector.select(0):
                for key, _ in ready:
                    count += 1
                    each = self._sockets[[one.fileno() for one in self._sockets].index(key.fd)]
                    with contextlib.suppress(OSError):
                        each.recv(64) if each.type == socket.SOCK_DGRAM else each.accept()[0].close()
        return count

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def listening(processes: list[psutil.Process]) -> dict[int, psutil.Process]:
    """Those that have a listening socket or share one; they hold secrets or face the network."""
    return {process.pid: process for process in processes if ports([process])}


def ports(processes: list[psutil.Process]) -> set[int]:
    """The TCP ports on which these listen."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            connections = process.net_connections("tcp")
            found |= {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    return found


@dataclass(frozen=True)
class Size:
    """The largest resident memory that a process ever had, in bytes, and its threads now."""

    memory: int = 0
    threads: int = 0


def size(pid: int) -> Size:
    """The size of a process; nothing if it has ended."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        memory, threads = re.search(r"VmHWM:\s+(\d+) kB", text), re.search(r"Threads:\s+(\d+)", text)
        return Size(int(memory[1]) * 1024 if memory else 0, int(threads[1]) if threads else 0)
    return Size()


def marked_processes(target: Target) -> list[psutil.Process]:
    """Every process of this machine that an act of this run named."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if lives(process) and (process.name() == target.program or target.program in " ".join(process.cmdline())):
                found.append(process)
    return found


def marked_files(target: Target) -> list[Path]:
    """Every file that an act of this run made, wherever it could."""
    folders = [target.canary, Path("/tmp"), Path("/dev/shm"), Path.cwd(), Path.home()]
    found = [path for folder in folders if folder.is_dir() for path in folder.glob(f"{MARK}-{target.token}*")]
    return found + list(target.home.rglob(f"{MARK}-{target.token}*"))


def mappings(pids: list[int]) -> list[tuple[int, int]]:
    """The address ranges of these processes, without the lowest ones."""
    ranges = []
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
                begin, _, end = line.split()[0].partition("-")
                ranges.append((int(begin, 16), int(end, 16)))
    return [(begin, end) for begin, end in ranges if begin > 1 << 32]


def numbers(answer: Any) -> Iterator[float]:
    """Every number in a JSON answer, in order."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            yield from numbers(part)
    elif isinstance(answer, int | float) and not isinstance(answer, bool):
        yield answer


def spelt(answer: str) -> list[bytes]:
    """The bytes that an answer may spell: its text, its numbers as bytes, as doubles, and as squares of doubles."""
    spellings = [answer.encode("utf-8", "surrogatepass")]
    with contextlib.suppress(ValueError, RecursionError):
        found = list(numbers(json.loads(answer)))
        spellings.append(bytes(int(number) for number in found if 0 <= number <= 255 and number == int(number)))
        doubles = [float(number) for number in found if abs(number) < 1e300]
        spellings.append(struct.pack(f"<{len(doubles)}d", *doubles))
        spellings.append(struct.pack(f"<{len(doubles)}d", *(d * d if abs(d) < 1e150 else 0.0 for d in doubles)))
    return spellings


def addresses_in(spellings: list[bytes], ranges: list[tuple[int, int]]) -> list[int]:
    """The addresses of mapped memory among the bytes that an answer spells."""
    found = []
    for spelling in spellings[1:]:
        for shift in range(min(8, max(0, len(spelling) - 7))):
            words = np.frombuffer(spelling, "<u8", (len(spelling) - shift) // 8, shift)
            high = words[(words >= 1 << 32) & (words < 1 << 47)]
            found += [int(word) for word in high if any(begin <= word < end for begin, end in ranges)]
    return found


@dataclass
class GoodCallers:
    """Threads that keep calling good models; each answer must be the one expected, within a deadline."""

    call: Any  # model -> a response
    models: dict[str, Any]  # model -> the expected predictions
    failures: list[str] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._run, args=(model,), daemon=True) for model in self.models]
        for thread in self._threads:
            thread.start()

    def _run(self, model: str) -> None:
        while not self._stop.wait(0.06):
            try:
                response = self.call(model)
                correct = response.status_code == 200 and response.json()["prediction"] == self.models[model]
                fault = "" if correct else f"{response.status_code} {response.text[:200]}"
            except (OSError, ValueError) as error:
                fault = f"{type(error).__name__}: {error}"[:200]
            self.answered[model] = self.answered.get(model, 0) + 1
            if fault:
                self.failures.append(f"{model}: {fault}")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

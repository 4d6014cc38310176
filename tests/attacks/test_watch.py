"""The watch sees what an attack leaves: it is trusted because it goes red."""

import json
import math
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.attacks import watch
from tests.attacks.artifacts import every
from tests.attacks.attack import Target
from tests.attacks.hostile import HOSTILE
from tests.conftest import wait_until

SECRET = b"secret-of-a-test"


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[watch.Listener]:
    listener = watch.Listener(tmp_path)
    yield listener
    listener.close()


@pytest.fixture
def target(tmp_path: Path, listener: watch.Listener) -> Target:
    (tmp_path / "canary").mkdir()
    return Target(tmp_path / "canary", tmp_path, listener.port, listener.address, tmp_path / "s", str(os.getpid()))


def test_a_file_is_seen_wherever_it_is(target: Target) -> None:
    assert not watch.marked_files(target)
    path = Path(target.file("test", "/tmp"))
    path.touch()
    try:
        assert watch.marked_files(target) == [path]
    finally:
        path.unlink()


def test_a_process_is_seen_by_its_name(target: Target) -> None:
    assert not watch.marked_processes(target)
    with subprocess.Popen([target.program, "60"], executable="/bin/sleep") as process:
        try:
            wait_until(lambda: [each.pid for each in watch.marked_processes(target)] == [process.pid])
        finally:
            process.kill()


def test_calls_are_counted(listener: watch.Listener) -> None:
    assert not listener.calls()
    socket.create_connection(("127.0.0.1", listener.port)).close()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", listener.port))
    assert wait_until(listener.calls)


@pytest.mark.parametrize(
    "answer",
    [
        {"prediction": SECRET.decode()},
        {"predictions": [{"prediction": byte} for byte in SECRET]},
        {"prediction": list(struct.unpack("<2d", SECRET))},
    ],
    ids=["text", "bytes", "doubles"],
)
def test_a_secret_is_seen_in_each_spelling(answer: object) -> None:
    assert any(SECRET in spelling for spelling in watch.spelt(json.dumps(answer)))
    assert not any(SECRET in spelling for spelling in watch.spelt('{"prediction": [1.5, 2, 255]}'))


@pytest.mark.parametrize("spelling", ["bytes", "double", "root"])
def test_an_address_of_a_process_is_seen(spelling: str) -> None:
    ranges = watch.mappings([os.getpid()])
    word = (ranges[0][0] + 64).to_bytes(8, "little")
    (double,) = struct.unpack("<d", word)
    answer = {"bytes": list(word), "double": [double], "root": [math.sqrt(double)]}[spelling]
    assert watch.addresses_in(watch.spelt(json.dumps({"prediction": answer})), ranges)
    assert not watch.addresses_in(watch.spelt(json.dumps({"prediction": [0.5] * 100})), ranges)


def test_a_listening_process_and_its_size_are_seen() -> None:
    process = psutil.Process()
    ports = watch.ports([process])
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert watch.ports([process]) - ports == {server.getsockname()[1]}
        assert process.pid in watch.listening([process])
    assert watch.size(process.pid).memory > 1 << 20
    assert watch.size(process.pid).threads >= 1


def test_each_attack_has_a_name_of_its_own() -> None:
    names = [attack.name for attack in (*every.ATTACKS, *HOSTILE)]
    assert len(set(names)) == len(names)
    assert len(every.ATTACKS) >= 30
